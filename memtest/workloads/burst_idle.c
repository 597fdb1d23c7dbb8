#include "../workload.h"

#include <time.h>

static const struct option_spec options[] = {
    COUNT_OPTION("objects", "200k", "live objects of each thread at the top of a burst"),
    PERCENT_OPTION("keep_percent", "10",
                   "share of the objects that survives a burst, chosen at random"),
    {.key = "idle_ms",
     .type = OPTION_COUNT,
     .fallback = "50",
     .min = 0,
     .max = 1e7,
     .help = "milliseconds of sleep after each burst: half of the wall time by default"},
    SIZE_RANGE_OPTIONS("16", "1K"),
    {.key = NULL},
};

static size_t objects, keep_percent, idle_ms;
static struct size_range sizes;

static void setup(struct run *run) {
    objects = option_number(run, "objects");
    keep_percent = option_number(run, "keep_percent");
    idle_ms = option_number(run, "idle_ms");
    sizes = option_size_range(run);
}

static void prepare(struct worker *w) {
    w->state = new_slots(objects);
}

static void sleep_idle(void) {
    struct timespec left = {(time_t)(idle_ms / 1000), (long)(idle_ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0)
        ;
}

static void round_once(struct worker *w) {
    struct block *object = w->state;
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

static void drain(struct worker *w) {
    free_slots(w, w->state, objects);
}

static struct workload burst_idle = {
    .name = "burst_idle",
    .summary = "Grows a heap, frees nine tenths of it at random, sits idle, and grows again.",
    .source = "alloclab; the pattern of a server under bursts of requests.",
    .stresses = "Giving memory back while idle, and what it costs to have given it back when the "
                "next burst comes.",
    .options = options,
    .rounds = 16,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
    .drain = drain,
};
REGISTER_WORKLOAD(burst_idle);
