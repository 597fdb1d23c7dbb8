#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("repeats", "15000",
                      "times that each batch is allocated and freed, in a round"),
    BYTES_OPTION("bytes", "128", "size of every block"),
    {.key = NULL},
};

static const size_t batches[] = {25, 100, 400, 1600}, largest_batch = 1600;
static size_t repeats, bytes;

static void setup(struct settings *settings) {
    repeats = option_number(settings, "repeats");
    bytes = option_number(settings, "bytes");
}

static void batch_once(struct worker *w, size_t count) {
    struct block *entry = w->entries;
    for (size_t i = 0; i < count; i++)
        entry[i] = worker_malloc(w, bytes);
    for (size_t i = 0; i < count; i++)
        worker_free(w, entry[i]);
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
    .stresses = "The fast path of one size class, and the overflow of a thread cache.",
    .options = options,
    .smoke = "--repeats 100",
    .catches = {CATCHES_LEAK},
    .setup = setup,
    .entries = &largest_batch,
    .round = round_once,
};
REGISTER_WORKLOAD(glibc_simple);
