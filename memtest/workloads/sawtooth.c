#include "../workload.h"

enum order { LIFO, FIFO, RANDOM };

static const struct option_spec options[] = {
    ITERATIONS_OPTION("teeth", "100", "times that the heap grows and falls in a round"),
    COUNT_OPTION("objects", "100k", "live objects of each thread at the top"),
    {.key = "order",
     .type = OPTION_CHOICE,
     .fallback = "lifo",
     .choices = "lifo|fifo|random",
     .help = "which object goes first when the heap falls: the youngest, the oldest, any"},
    SIZE_RANGE_OPTIONS("16", "512"),
    {.key = NULL},
};

static size_t teeth, objects;
static enum order order;
static struct size_range sizes;

static void setup(struct run *run) {
    teeth = option_number(run, "teeth");
    objects = option_number(run, "objects");
    order = (enum order)option_choice(run, "order");
    sizes = option_size_range(run);
}

static void prepare(struct worker *w) {
    w->state = new_slots(objects);
}

/* Frees one of the `left` objects that stand at the front of the table. */
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
    struct block *object = w->state;
    for (size_t tooth = 0; tooth < teeth; tooth++) {
        for (size_t i = 0; i < objects; i++)
            object[i] = worker_malloc(w, random_size(w, sizes));
        for (size_t left = objects; left > 0; left--)
            free_one(w, object, left);
    }
}

static struct workload sawtooth = {
    .name = "sawtooth",
    .summary = "Grows a heap object by object, lets it fall to nothing, and begins again.",
    .source = "alloclab; the ramp pattern of Wilson et al., Dynamic Storage Allocation (1995).",
    .stresses = "Growth and whole release: giving memory to the kernel at each fall is paid for at "
                "each rise.",
    .options = options,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
};
REGISTER_WORKLOAD(sawtooth);
