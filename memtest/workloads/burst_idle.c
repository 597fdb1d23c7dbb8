#include "../workload.h"

#include <time.h>

static const struct option_spec options[] = {
    {.key = "objects",
     .type = OPTION_COUNT,
     .fallback = "200k",
     .min = 1,
     .max = 1e9,
     .scaled = true,
     .help = "live objects of each thread at the top of a burst"},
    {.key = "keep_percent",
     .type = OPTION_COUNT,
     .fallback = "10",
     .min = 0,
     .max = 100,
     .help = "share of the objects that survives a burst, chosen at random"},
    {.key = "idle_ms",
     .type = OPTION_COUNT,
     .fallback = "50",
     .min = 0,
     .max = 1e7,
     .help = "milliseconds of sleep after each burst"},
    {.key = "min_bytes",
     .type = OPTION_BYTES,
     .fallback = "16",
     .min = 1,
     .max = 0x1p38,
     .help = "smallest object"},
    {.key = "max_bytes",
     .type = OPTION_BYTES,
     .fallback = "1K",
     .min = 1,
     .max = 0x1p38,
     .help = "largest object"},
    {.key = NULL},
};

static size_t objects, keep_percent, idle_ms, min_bytes, max_bytes;

static void setup(struct run *run) {
    objects = option_number(run, "objects");
    keep_percent = option_number(run, "keep_percent");
    idle_ms = option_number(run, "idle_ms");
    min_bytes = option_number(run, "min_bytes");
    max_bytes = option_number(run, "max_bytes");
    if (min_bytes > max_bytes)
        usage_error("--min_bytes %zu is more than --max_bytes %zu", min_bytes, max_bytes);
}

static void prepare(struct worker *w) {
    w->state = own_memory(objects * sizeof(struct block));
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
            object[i] = worker_malloc(w, rng_between(&w->rng, min_bytes, max_bytes));
    for (size_t i = 0; i < objects; i++) {
        if (rng_below(&w->rng, 100) >= keep_percent) {
            worker_free(w, object[i]);
            object[i].at = NULL;
        }
    }
    sleep_idle();
}

static void drain(struct worker *w) {
    struct block *object = w->state;
    for (size_t i = 0; i < objects; i++)
        if (object[i].at)
            worker_free(w, object[i]);
}

static struct workload burst_idle = {
    .name = "burst_idle",
    .summary = "Grows a heap, frees nine tenths of it at random, sits idle, and grows again.",
    .source = "alloclab; the pattern of a server under bursts of requests.",
    .stresses = "Giving memory back while idle, and what it costs to have given it back when the "
                "next burst comes.",
    .options = options,
    .rounds = 4,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
    .drain = drain,
};
REGISTER_WORKLOAD(burst_idle);
