#include "../workload.h"

static const struct option_spec options[] = {
    {.key = "slots",
     .type = OPTION_COUNT,
     .fallback = "1024",
     .min = 1,
     .max = 1e8,
     .help = "blocks that each thread allocates in a round"},
    {.key = "min_bytes",
     .type = OPTION_BYTES,
     .fallback = "16",
     .min = 1,
     .max = 0x1p38,
     .help = "smallest block"},
    {.key = "max_bytes",
     .type = OPTION_BYTES,
     .fallback = "128K",
     .min = 1,
     .max = 0x1p38,
     .help = "largest block"},
    {.key = NULL},
};

static size_t slots, min_bytes, max_bytes;

static void setup(struct run *run) {
    slots = option_number(run, "slots");
    min_bytes = option_number(run, "min_bytes");
    max_bytes = option_number(run, "max_bytes");
    if (min_bytes > max_bytes)
        usage_error("--min_bytes %zu is more than --max_bytes %zu", min_bytes, max_bytes);
}

static void prepare(struct worker *w) {
    w->state = own_memory(slots * sizeof(struct block));
}

static void round_once(struct worker *w) {
    struct block *slot = w->state;
    for (size_t i = 0; i < slots; i++)
        slot[i] = worker_malloc(w, rng_between(&w->rng, min_bytes, max_bytes));
    for (size_t i = 0; i < slots; i++)
        worker_free(w, slot[i]);
}

static struct workload rounds = {
    .name = "rounds",
    .summary =
        "Each round fills a table with blocks of uniformly drawn sizes and then frees them all.",
    .source = "The allocation study for MIND (Lee et al., SOSP 2021): 16 rounds of 1024 blocks of "
              "2-128 MiB on one "
              "thread, or of 128 KiB-32 MiB on 16 threads.",
    .stresses = "What an allocator asks of the kernel for large blocks, and whether it keeps freed "
                "memory for the next "
                "round.",
    .options = options,
    .rounds = 200,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
};
REGISTER_WORKLOAD(rounds);
