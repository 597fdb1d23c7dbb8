#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("repeats", "15000",
                      "times that each batch is allocated and freed, in a round"),
    BYTES_OPTION("bytes", "128", "size of every block"),
    {.key = NULL},
};

enum { LARGEST_BATCH = 1600 };
static const size_t batches[] = {25, 100, 400, LARGEST_BATCH};
static size_t repeats, bytes;

static void setup(struct run *run) {
    repeats = option_number(run, "repeats");
    bytes = option_number(run, "bytes");
}

static void prepare(struct worker *w) {
    w->state = new_slots(LARGEST_BATCH);
}

static void batch_once(struct worker *w, size_t count) {
    struct block *slot = w->state;
    for (size_t i = 0; i < count; i++)
        slot[i] = worker_malloc(w, bytes);
    for (size_t i = 0; i < count; i++)
        worker_free(w, slot[i]);
}

static void round_once(struct worker *w) {
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++)
        for (size_t i = 0; i < repeats; i++)
            batch_once(w, batches[b]);
}

static struct workload glibc_simple = {
    .name = "glibc_simple",
    .summary = "Batches of 25, 100, 400 and 1600 blocks of one size, allocated and freed in the "
               "same order.",
    .source = "bench-malloc-simple of the GNU C library's benchmark suite.",
    .stresses =
        "The shortest path of one size class, and what happens when a thread cache overflows.",
    .options = options,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
};
REGISTER_WORKLOAD(glibc_simple);
