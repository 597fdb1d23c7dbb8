#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("passes", "60", "combs that each thread builds and tears down in a round"),
    COUNT_OPTION("blocks", "200k", "small blocks of a comb"),
    COUNT_OPTION("every", "2", "one block in so many is broken out"),
    BYTES_OPTION("bytes", "128", "size of a block; a filling is half as large again"),
    {.key = NULL},
};

static size_t passes, blocks, every, bytes, gaps;

static void setup(struct run *run) {
    passes = option_number(run, "passes");
    blocks = option_number(run, "blocks");
    every = option_number(run, "every");
    bytes = option_number(run, "bytes");
    gaps = (blocks + every - 1) / every;
}

static void prepare(struct worker *w) {
    w->state = new_slots(blocks + gaps);
}

static void comb_once(struct worker *w, struct block *tooth, struct block *filling) {
    for (size_t i = 0; i < blocks; i++)
        tooth[i] = worker_malloc(w, bytes);
    for (size_t i = 0; i < blocks; i += every) {
        worker_free(w, tooth[i]);
        tooth[i].at = NULL;
    }
    for (size_t i = 0; i < gaps; i++) /* too large for a gap */
        filling[i] = worker_malloc(w, bytes + bytes / 2);
    for (size_t i = 0; i < blocks; i += every) /* just right */
        tooth[i] = worker_malloc(w, bytes);
    free_slots(w, tooth, blocks);
    free_slots(w, filling, gaps);
}

static void round_once(struct worker *w) {
    struct block *slot = w->state;
    for (size_t i = 0; i < passes; i++)
        comb_once(w, slot, slot + blocks);
}

static struct workload comb = {
    .name = "comb",
    .summary = "Breaks every second block out of a long row, then asks for blocks that do not fit "
               "the gaps, then for some that do.",
    .source = "The comb pattern of Robson's bounds on fragmentation (JACM 1971, 1974).",
    .stresses = "Memory between live neighbours: whether gaps are found again, and what they cost "
                "meanwhile.",
    .options = options,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
};
REGISTER_WORKLOAD(comb);
