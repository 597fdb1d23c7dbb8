#include "../exchange.h"
#include "../workload.h"

enum mode { UNIFORM, FALLOFF };

static const struct option_spec options[] = {
    {.key = "mode",
     .type = OPTION_CHOICE,
     .fallback = "falloff",
     .choices = "uniform|falloff",
     .help = "distribution of sizes: uniform, or falling with the size"},
    ITERATIONS_OPTION("loops", "50k", "loops of each thread in a round"),
    COUNT_OPTION("blocks", "5000", "live blocks of each thread"),
    COUNT_OPTION("operations", "100", "blocks that are replaced in a loop"),
    PERCENT_OPTION("handed_percent", "10", "share of them that the next thread frees"),
    SIZE_RANGE_OPTIONS("16", "16000"),
    {.key = NULL},
};

struct tables {
    struct block *live, *out, *in;
};

static size_t loops, blocks, operations, handed;
static enum mode mode;
static struct size_range sizes;
static struct exchange neighbours;

static void setup(struct settings *settings) {
    mode = (enum mode)option_choice(settings, "mode");
    loops = option_number(settings, "loops");
    blocks = option_number(settings, "blocks");
    operations = option_number(settings, "operations");
    handed = operations * option_number(settings, "handed_percent") / 100;
    sizes = option_size_range(settings);
    neighbours = exchange_new(settings->threads, handed);
}

static void prepare(struct worker *w) {
    struct tables *tables = own_memory(sizeof *tables);
    *tables = (struct tables){entries_new(blocks), entries_new(handed), entries_new(handed)};
    w->state = tables;
}

/* The square of a uniform number makes small sizes likely: half of the blocks are in the lowest
 * quarter of the range. */
static size_t draw_size(struct worker *w) {
    if (mode == UNIFORM)
        return random_size(w, sizes);
    double u = rng_unit(&w->rng);
    return sizes.min + (size_t)((double)(sizes.max - sizes.min) * u * u);
}

static void loop_once(struct worker *w, struct tables *tables) {
    size_t given = 0;
    for (size_t i = 0; i < operations; i++) {
        struct block *entry = &tables->live[rng_below(&w->rng, blocks)];
        if (entry->at && given < handed)
            tables->out[given++] = *entry;
        else if (entry->at)
            worker_free(w, *entry);
        *entry = worker_malloc(w, draw_size(w));
    }
    size_t came = exchange_blocks(&neighbours, w, tables->out, given, tables->in);
    for (size_t i = 0; i < came; i++)
        worker_free(w, tables->in[i]);
}

static void round_once(struct worker *w) {
    for (size_t i = 0; i < loops; i++)
        loop_once(w, w->state);
}

static void drain(struct worker *w) {
    struct tables *tables = w->state;
    entries_free(w, tables->live, blocks);
}

static struct workload rptest = {
    .name = "rptest",
    .summary = "Replaces random blocks of many sizes in bursts; a share of each burst is freed by "
               "the next thread.",
    .source = "rptest of Mattias Jansson's rpmalloc-benchmark: a game engine's mix with "
              "cross-thread frees.",
    .stresses = "Many size classes up to 16 KB at once, and a steady share of remote frees.",
    .options = options,
    .smoke = "--loops 300 --blocks 100",
    .catches = {CATCHES_LEAK, CATCHES_REMOTE_LEAK},
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
    .drain = drain,
};
REGISTER_WORKLOAD(rptest);
