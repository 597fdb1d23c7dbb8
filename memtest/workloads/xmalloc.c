#include "../ring.h"
#include "../workload.h"

enum { BATCHES_IN_TRANSIT = 64 };

/* The blocks of a batch form a list through their first bytes, so both threads access each of them.
 */
struct link {
    struct block next;
};

static const struct option_spec options[] = {
    ITERATIONS_OPTION("batches", "40k", "batches that each allocating thread makes in a round"),
    COUNT_OPTION("batch", "256", "blocks in a batch"),
    {.key = "min_bytes",
     .type = OPTION_BYTES,
     .fallback = "16",
     .min = 16,
     .max = 0x1p38,
     .help = "smallest block"},
    {.key = "max_bytes",
     .type = OPTION_BYTES,
     .fallback = "256",
     .min = 16,
     .max = 0x1p38,
     .help = "largest block, included"},
    {.key = NULL},
};

static size_t batches, batch;
static unsigned makers, freers;
static struct size_range sizes;
static struct ring *rings; /* from each maker to each freer */

static void setup(struct settings *settings) {
    batches = option_number(settings, "batches");
    batch = option_number(settings, "batch");
    sizes = option_size_range(settings);
    makers = (settings->threads + 1) / 2;
    freers = settings->threads - makers;
    size_t count = makers * (freers ? freers : 1);
    rings = own_memory(count * sizeof *rings);
    for (size_t i = 0; i < count; i++)
        ring_init(&rings[i], BATCHES_IN_TRANSIT);
}

static struct block make_batch(struct worker *w) {
    struct block head = {0};
    for (size_t i = 0; i < batch; i++) {
        struct block b = worker_malloc(w, random_size(w, sizes));
        ((struct link *)b.at)->next = head;
        head = b;
    }
    return head;
}

static void free_batch(struct worker *w, struct block head) {
    while (head.at) {
        struct block next = ((struct link *)head.at)->next;
        worker_free(w, head);
        head = next;
    }
}

/* Batch i of maker m goes to freer (m + i) mod freers: every maker meets every freer in a fixed
 * order. */
static void make_all(struct worker *w, unsigned maker) {
    for (size_t i = 0; i < batches; i++)
        ring_push(&rings[maker * freers + (maker + i) % freers], make_batch(w));
}

static void free_all(struct worker *w, unsigned freer) {
    for (size_t i = 0; i < batches; i++)
        for (unsigned maker = 0; maker < makers; maker++)
            if ((maker + i) % freers == freer)
                free_batch(w, ring_pop(&rings[maker * freers + freer]));
}

static void round_once(struct worker *w) {
    if (freers == 0) {
        for (size_t i = 0; i < batches; i++)
            free_batch(w, make_batch(w));
    } else if (w->index < makers) {
        make_all(w, w->index);
    } else {
        free_all(w, w->index - makers);
    }
}

static struct workload xmalloc = {
    .name = "xmalloc",
    .summary = "Half of the threads only allocate, the others only free; blocks are passed in "
               "linked batches, all to all.",
    .source = "Lever and Boreham, malloc() Performance in a Multithreaded Linux Environment "
              "(USENIX 2000).",
    .stresses = "Return of memory from threads that only free to threads that only allocate.",
    .options = options,
    .smoke = "--batches 300",
    .catches = {CATCHES_LEAK, CATCHES_REMOTE_LEAK},
    .payload = sizeof(struct link),
    .setup = setup,
    .round = round_once,
};
REGISTER_WORKLOAD(xmalloc);
