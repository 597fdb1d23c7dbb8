#include "../workload.h"

static void round_once(struct worker *w) {
    (void)w;
}

static struct workload empty = {
    .name = "empty",
    .summary = "Does nothing.",
    .source = "alloclab.",
    .stresses = "Start and end of a process with this allocator.",
    .smoke = "",
    .round = round_once,
};
REGISTER_WORKLOAD(empty);
