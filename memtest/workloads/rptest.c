#include "../exchange.h"

enum mode { UNIFORM, FALLOFF };

static const struct option_spec options[] = {
    {.key = "mode",
     .type = OPTION_CHOICE,
     .fallback = "falloff",
     .choices = "uniform|falloff",
     .help = "how sizes are drawn: equally likely, or the less likely the larger"},
    ITERATIONS_OPTION("loops", "50k", "loops of each thread in a round"),
    COUNT_OPTION("blocks", "5000", "live blocks of each thread"),
    COUNT_OPTION("operations", "100", "blocks that are replaced in a loop"),
    PERCENT_OPTION("handed_percent", "10", "share of them that the next thread frees"),
    SIZE_RANGE_OPTIONS("16", "16000"),
    {.key = NULL},
};

struct place {
    struct block *slot, *out, *in;
};

static size_t loops, blocks, operations, handed;
static enum mode mode;
static struct size_range sizes;
static struct exchange neighbours;

static void setup(struct run *run) {
    mode = (enum mode)option_choice(run, "mode");
    loops = option_number(run, "loops");
    blocks = option_number(run, "blocks");
    operations = option_number(run, "operations");
    handed = operations * option_number(run, "handed_percent") / 100;
    sizes = option_size_range(run);
    neighbours = exchange_new(run, handed);
}

static void prepare(struct worker *w) {
    struct place *place = own_memory(sizeof *place);
    *place = (struct place){new_slots(blocks), new_slots(handed), new_slots(handed)};
    w->state = place;
}

/* The square of a uniform number makes small sizes likely: half of the blocks are in the lowest
 * quarter of the range. */
static size_t draw_size(struct worker *w) {
    if (mode == UNIFORM)
        return random_size(w, sizes);
    double u = rng_unit(&w->rng);
    return sizes.min + (size_t)((double)(sizes.max - sizes.min) * u * u);
}

static void loop_once(struct worker *w, struct place *place) {
    size_t given = 0;
    for (size_t i = 0; i < operations; i++) {
        struct block *chosen = &place->slot[rng_below(&w->rng, blocks)];
        if (chosen->at && given < handed)
            place->out[given++] = *chosen;
        else if (chosen->at)
            worker_free(w, *chosen);
        *chosen = worker_malloc(w, draw_size(w));
    }
    size_t came = exchange_blocks(&neighbours, w, place->out, given, place->in);
    for (size_t i = 0; i < came; i++)
        worker_free(w, place->in[i]);
}

static void round_once(struct worker *w) {
    for (size_t i = 0; i < loops; i++)
        loop_once(w, w->state);
}

static void drain(struct worker *w) {
    struct place *place = w->state;
    free_slots(w, place->slot, blocks);
}

static struct workload rptest = {
    .name = "rptest",
    .summary = "Replaces random blocks of many sizes in bursts; a share of each burst is freed by "
               "the next thread.",
    .source = "rptest of Mattias Jansson's rpmalloc-benchmark: a game engine's mix with "
              "cross-thread frees.",
    .stresses =
        "Many size classes up to 16 KB at once, and a steady trickle of frees by other threads.",
    .options = options,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
    .drain = drain,
};
REGISTER_WORKLOAD(rptest);
