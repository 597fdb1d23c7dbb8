#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("objects", "8000",
                      "objects that each thread allocates, writes and frees in a round"),
    COUNT_OPTION("writes", "50k", "times that each byte of an object is written"),
    BYTES_OPTION("bytes", "8", "size of an object"),
    {.key = NULL},
};

static size_t objects, writes, bytes;
static struct block *first; /* one for each thread, all allocated by the first */

static void setup(struct run *run) {
    objects = option_number(run, "objects");
    writes = option_number(run, "writes");
    bytes = option_number(run, "bytes");
    first = new_slots(run_threads(run));
}

static void write_often(struct block b) {
    volatile char *at = b.at;
    for (size_t i = 0; i < writes; i++)
        for (size_t j = 0; j < bytes; j++)
            at[j] = (char)(at[j] + 1);
}

/* What a thread got from the first one it writes, frees, and may well get again. */
static void round_once(struct worker *w) {
    if (w->index == 0)
        for (unsigned i = 0; i < run_threads(w->run); i++)
            first[i] = worker_malloc(w, bytes);
    worker_barrier(w);
    struct block b = first[w->index];
    for (size_t i = 1; i < objects; i++) {
        write_often(b);
        worker_free(w, b);
        b = worker_malloc(w, bytes);
    }
    write_often(b);
    worker_free(w, b);
}

static struct workload cache_scratch = {
    .name = "cache_scratch",
    .summary = "One thread allocates a tiny object for each; each thread writes and frees it, and "
               "goes on with its own.",
    .source = "cache-scratch of Berger et al., Hoard (ASPLOS 2000).",
    .stresses = "Passive false sharing: an allocator that lets a thread reuse its piece of a "
                "shared cache line slows "
                "the writes, and wall time shows it.",
    .options = options,
    .payload = SIZE_MAX,
    .setup = setup,
    .round = round_once,
};
REGISTER_WORKLOAD(cache_scratch);
