#include "../ring.h"
#include "../workload.h"

enum { BATCHES_ON_THE_WAY = 64 };

/* The blocks of a batch form a list through their own first bytes, so both threads touch each of
 * them. */
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
static unsigned makers, breakers;
static struct size_range sizes;
static struct ring *rings; /* from each maker to each breaker */

static void setup(struct run *run) {
    batches = option_number(run, "batches");
    batch = option_number(run, "batch");
    sizes = option_size_range(run);
    makers = (run_threads(run) + 1) / 2;
    breakers = run_threads(run) - makers;
    size_t count = makers * (breakers ? breakers : 1);
    rings = own_memory(count * sizeof *rings);
    for (size_t i = 0; i < count; i++)
        ring_init(&rings[i], BATCHES_ON_THE_WAY);
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

static void break_batch(struct worker *w, struct block head) {
    while (head.at) {
        struct block next = ((struct link *)head.at)->next;
        worker_free(w, head);
        head = next;
    }
}

/* Batch i of maker m goes to breaker (m + i) mod breakers: all threads meet, in an order that is
 * fixed. */
static void make_all(struct worker *w, unsigned maker) {
    for (size_t i = 0; i < batches; i++)
        ring_push(&rings[maker * breakers + (maker + i) % breakers], make_batch(w));
}

static void break_all(struct worker *w, unsigned breaker) {
    for (size_t i = 0; i < batches; i++)
        for (unsigned maker = 0; maker < makers; maker++)
            if ((maker + i) % breakers == breaker)
                break_batch(w, ring_pop(&rings[maker * breakers + breaker]));
}

static void round_once(struct worker *w) {
    if (breakers == 0) {
        for (size_t i = 0; i < batches; i++)
            break_batch(w, make_batch(w));
    } else if (w->index < makers) {
        make_all(w, w->index);
    } else {
        break_all(w, w->index - makers);
    }
}

static struct workload xmalloc = {
    .name = "xmalloc",
    .summary = "Half of the threads only allocate, the others only free; blocks travel in linked "
               "batches, all to all.",
    .source = "Lever and Boreham, malloc() Performance in a Multithreaded Linux Environment "
              "(USENIX 2000).",
    .stresses =
        "The path of memory from threads that only free back to threads that only allocate.",
    .options = options,
    .payload = sizeof(struct link),
    .setup = setup,
    .round = round_once,
};
REGISTER_WORKLOAD(xmalloc);
