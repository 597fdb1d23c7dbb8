#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("objects", "8000",
                      "objects that each thread allocates, writes and frees in a round"),
    COUNT_OPTION("writes", "50k", "times that each byte of an object is written"),
    BYTES_OPTION("bytes", "8", "size of an object"),
    {.key = NULL},
};

static size_t objects, writes, bytes;

static void setup(struct settings *settings) {
    objects = option_number(settings, "objects");
    writes = option_number(settings, "writes");
    bytes = option_number(settings, "bytes");
}

static void write_often(struct block b) {
    volatile char *at = b.at;
    for (size_t i = 0; i < writes; i++)
        for (size_t j = 0; j < bytes; j++)
            at[j] = (char)(at[j] + 1);
}

static void round_once(struct worker *w) {
    for (size_t i = 0; i < objects; i++) {
        struct block b = worker_malloc(w, bytes);
        write_often(b);
        worker_free(w, b);
    }
}

static struct workload cache_thrash = {
    .name = "cache_thrash",
    .summary =
        "Each thread allocates a small object, writes it many times and frees it, repeatedly.",
    .source = "cache-thrash of Berger et al., Hoard (ASPLOS 2000).",
    .stresses = "Active false sharing: where two threads get parts of one cache line, writes are "
                "slow, and wall time shows it.",
    .options = options,
    .smoke = "--objects 40 --writes 1000",
    .catches = {CATCHES_FALSE_SHARING("--objects 40 --writes 500k")},
    .payload = SIZE_MAX,
    .setup = setup,
    .round = round_once,
};
REGISTER_WORKLOAD(cache_thrash);
