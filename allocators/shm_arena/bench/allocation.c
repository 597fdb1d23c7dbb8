/* The cost of a block: untouched, touched for the first time, and reused. */
#include "bench.h"
#include "contender.h"

#include <stdlib.h>
#include <string.h>

static const struct bench_option options[] = {
    {"size", "4K", "bytes per block"},
    {"blocks", "1000", "blocks that are live at once"},
    {"mode", "untouched",
     "untouched: allocate; touched: and write to each new page; reuse: the second time"},
    {NULL, NULL, NULL},
};

static size_t size;
static unsigned blocks;
static bool touch, reuse;
static struct shared_block *held;

static void setup(void) {
    const char *mode = option_text("mode");
    size = option_number("size");
    blocks = (unsigned)option_number("blocks");
    reuse = !strcmp(mode, "reuse");
    touch = reuse || !strcmp(mode, "touched");
    if (!touch && strcmp(mode, "untouched"))
        usage_error("--mode %s: untouched, touched or reuse", mode);
    if (!blocks || blocks > 60000 || !size)
        usage_error("--blocks: 1 to 60000, --size: at least 1");
    held = calloc(blocks, sizeof *held);
}

static void allocate_all(const struct contender *c) {
    for (unsigned i = 0; i < blocks; i++) {
        if (!c->allocate(size, &held[i]))
            wrong_result("%s could not allocate block %u of %zu bytes", c->name, i, size);
        for (size_t at = 0; touch && at < size; at += 4096)
            ((volatile char *)held[i].address)[at] = (char)i;
    }
}

static void release_all(const struct contender *c) {
    for (unsigned i = 0; i < blocks; i++)
        c->release(&held[i], size);
}

static void measure(const struct contender *c, struct bench_row *row) {
    if (!c->open((size + 4096) * (blocks + 16) * 2 + (8 << 20)))
        wrong_result("%s could not be opened", c->name);
    if (reuse) {
        allocate_all(c);
        release_all(c);
    }
    double start = now_ns();
    allocate_all(c);
    double middle = now_ns();
    release_all(c);
    double end = now_ns();
    row_add(row, (middle - start) / blocks, "ns_%s", c->name);
    row_add(row, (end - middle) / blocks, "free_ns_%s", c->name);
    c->close();
}

static void round_(unsigned round, struct bench_row *row) {
    (void)round;
    for (const struct contender *c = contender_first(); c; c = c->next)
        measure(c, row);
}

static struct bench allocation = {
    .name = "allocation",
    .summary = "allocate a block: a shared memory object per block, against shm_arena, in ns",
    .options = options,
    .rounds = "20",
    .before = "ns_per_allocation",
    .after = "ns_arena",
    .setup = setup,
    .round = round_,
};
REGISTER_BENCH(allocation);
