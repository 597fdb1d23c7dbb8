#include "../workload.h"

static void round_once(struct worker *w) {
    (void)w;
}

static struct workload empty = {
    .name = "empty",
    .summary = "Does nothing.",
    .source = "alloclab.",
    .stresses = "Nothing: it shows what the start and end of a program cost under an allocator.",
    .round = round_once,
};
REGISTER_WORKLOAD(empty);
