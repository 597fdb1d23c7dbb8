#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("objects", "8000",
                      "objects that each thread allocates, writes and frees in a round"),
    COUNT_OPTION("writes", "50k", "times that each byte of an object is written"),
    BYTES_OPTION("bytes", "8", "size of an object"),
    {.key = NULL},
};

static size_t objects, writes, bytes;
static struct block *first; /* one for each thread, allocated by the first */

static void setup(struct settings *settings) {
    objects = option_number(settings, "objects");
    writes = option_number(settings, "writes");
    bytes = option_number(settings, "bytes");
    first = entries_new(settings->threads);
}

static void write_often(struct block b) {
    volatile char *at = b.at;
    for (size_t i = 0; i < writes; i++)
        for (size_t j = 0; j < bytes; j++)
            at[j] = (char)(at[j] + 1);
}

/* Each thread writes and frees an object of the first thread; malloc may return it again. */
static void round_once(struct worker *w) {
    if (w->index == 0)
        for (unsigned i = 0; i < w->threads; i++)
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
    .summary =
        "The first thread allocates a small object for each thread; each writes and frees it, "
        "then allocates objects of its own.",
    .source = "cache-scratch of Berger et al., Hoard (ASPLOS 2000).",
    .stresses =
        "Passive false sharing: where a thread reuses its part of a shared cache line, writes "
        "are slow, and wall time shows it.",
    .options = options,
    .smoke = "--objects 40 --writes 1000",
    .catches = {CATCHES_FALSE_SHARING("--objects 40 --writes 500k")},
    .payload = SIZE_MAX,
    .setup = setup,
    .round = round_once,
};
REGISTER_WORKLOAD(cache_scratch);
