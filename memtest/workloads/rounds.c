#include "../workload.h"

static const struct option_spec options[] = {
    COUNT_OPTION("slots", "1024", "blocks that each thread allocates in a round"),
    SIZE_RANGE_OPTIONS("16", "128K"),
    {.key = NULL},
};

static size_t slots;
static struct size_range sizes;

static void setup(struct run *run) {
    slots = option_number(run, "slots");
    sizes = option_size_range(run);
}

static void prepare(struct worker *w) {
    w->state = new_slots(slots);
}

static void round_once(struct worker *w) {
    struct block *slot = w->state;
    for (size_t i = 0; i < slots; i++)
        slot[i] = worker_malloc(w, random_size(w, sizes));
    for (size_t i = 0; i < slots; i++)
        worker_free(w, slot[i]);
}

static struct workload rounds = {
    .name = "rounds",
    .summary =
        "Each round fills a table with blocks of uniformly drawn sizes and then frees them all.",
    .source = "The allocation study for MIND (Lee et al., SOSP 2021): 16 rounds of 1024 blocks of "
              "2-128 MiB on one thread, or of 128 KiB-32 MiB on 16 threads.",
    .stresses = "What an allocator asks of the kernel for large blocks, and whether it keeps freed "
                "memory for the next round.",
    .options = options,
    .rounds = 2500,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
};
REGISTER_WORKLOAD(rounds);
