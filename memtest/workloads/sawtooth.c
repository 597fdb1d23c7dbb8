#include "../workload.h"

enum order { LIFO, FIFO, RANDOM };

static const struct option_spec options[] = {
    ITERATIONS_OPTION("teeth", "100", "times that the heap grows and shrinks in a round"),
    COUNT_OPTION("objects", "100k", "live objects of each thread at the peak"),
    {.key = "order",
     .type = OPTION_CHOICE,
     .fallback = "lifo",
     .choices = "lifo|fifo|random",
     .help = "which object is freed first: the youngest, the oldest, a random one"},
    SIZE_RANGE_OPTIONS("16", "512"),
    {.key = NULL},
};

static size_t teeth, objects;
static enum order order;
static struct size_range sizes;

static void setup(struct settings *settings) {
    teeth = option_number(settings, "teeth");
    objects = option_number(settings, "objects");
    order = (enum order)option_choice(settings, "order");
    sizes = option_size_range(settings);
}

/* Frees one of the `left` objects at the front of the table. */
static void free_one(struct worker *w, struct block *object, size_t left) {
    if (order == RANDOM) {
        size_t chosen = rng_below(&w->rng, left);
        worker_free(w, object[chosen]);
        object[chosen] = object[left - 1];
    } else {
        worker_free(w, object[order == LIFO ? left - 1 : objects - left]);
    }
}

static void round_once(struct worker *w) {
    struct block *object = w->entries;
    for (size_t tooth = 0; tooth < teeth; tooth++) {
        for (size_t i = 0; i < objects; i++)
            object[i] = worker_malloc(w, random_size(w, sizes));
        for (size_t left = objects; left > 0; left--)
            free_one(w, object, left);
    }
}

static struct workload sawtooth = {
    .name = "sawtooth",
    .summary = "Grows a heap object by object, frees all of it, and grows it again.",
    .source = "alloclab; the ramp pattern of Wilson et al., Dynamic Storage Allocation (1995).",
    .stresses =
        "Growth and complete release: memory returned to the kernel must be faulted in again.",
    .options = options,
    .smoke = "--teeth 20 --objects 2000",
    .catches = {CATCHES_LEAK},
    .setup = setup,
    .entries = &objects,
    .round = round_once,
};
REGISTER_WORKLOAD(sawtooth);
