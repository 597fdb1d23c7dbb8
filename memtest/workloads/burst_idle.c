#include "../workload.h"

#include <time.h>

static const struct option_spec options[] = {
    COUNT_OPTION("objects", "200k", "live objects of each thread at the peak of a burst"),
    PERCENT_OPTION("keep_percent", "10",
                   "share of the objects that survives a burst, chosen at random"),
    {.key = "idle_ms",
     .type = OPTION_COUNT,
     .fallback = "50",
     .min = 0,
     .max = 1e7,
     .help = "milliseconds of sleep after each burst; by default half of the wall time"},
    SIZE_RANGE_OPTIONS("16", "1K"),
    {.key = NULL},
};

static size_t objects, keep_percent, idle_ms;
static struct size_range sizes;

static void setup(struct settings *settings) {
    objects = option_number(settings, "objects");
    keep_percent = option_number(settings, "keep_percent");
    idle_ms = option_number(settings, "idle_ms");
    sizes = option_size_range(settings);
}

static void sleep_idle(void) {
    struct timespec left = {(time_t)(idle_ms / 1000), (long)(idle_ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0)
        ;
}

static void round_once(struct worker *w) {
    struct block *object = w->entries;
    for (size_t i = 0; i < objects; i++)
        if (!object[i].at)
            object[i] = worker_malloc(w, random_size(w, sizes));
    for (size_t i = 0; i < objects; i++) {
        if (rng_below(&w->rng, 100) >= keep_percent) {
            worker_free(w, object[i]);
            object[i].at = NULL;
        }
    }
    sleep_idle();
}

static struct workload burst_idle = {
    .name = "burst_idle",
    .summary = "Grows a heap, frees nine tenths of it at random, sleeps, and grows it again.",
    .source = "alloclab; the pattern of a server under bursts of requests.",
    .stresses = "Return of memory to the kernel while idle, and its cost in the next burst.",
    .options = options,
    .rounds = 16,
    .smoke = "--rounds 5 --objects 2000 --idle_ms 0",
    .catches = {CATCHES_LEAK,
                CATCHES_KEPT_MEMORY(
                    "--rounds 2 --objects 100 --idle_ms 0 --min_bytes 256K --max_bytes 512K")},
    .setup = setup,
    .entries = &objects,
    .round = round_once,
    .drain = drain_entries,
};
REGISTER_WORKLOAD(burst_idle);
