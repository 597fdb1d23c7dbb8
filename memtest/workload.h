/* The contract between memtest and a workload. A workload is ONE file in memtest/workloads/: it
 * describes itself in a struct workload, registers it with REGISTER_WORKLOAD, and makes every call
 * to the allocator through worker.h. docs/add-a-workload.md walks through an example. */
#pragma once
#include "own_memory.h"
#include "rng.h"
#include "worker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type {
    OPTION_COUNT,  /* whole number; "10k", "2M" are understood as 10e3, 2e6 */
    OPTION_BYTES,  /* size; "4K", "2M", "1G" are powers of 1024 */
    OPTION_REAL,   /* decimal number */
    OPTION_CHOICE, /* one of `choices`, separated by '|' */
    OPTION_TEXT,   /* a path or other text, taken as it is */
    OPTION_FLAG,   /* takes no value */
};

/* One --key VALUE that a workload understands. A list of them ends where the key is NULL. */
struct option_spec {
    const char *key;
    enum option_type type;
    const char *fallback; /* the default, as a user would type it; NULL: the option is required */
    double min, max;      /* inclusive bounds of a number */
    const char *choices;  /* for OPTION_CHOICE */
    bool scaled;          /* --scale multiplies it: for iterations, not for the memory held */
    bool positional;      /* may also be a bare argument: `memtest replay FILE` */
    const char *help;     /* one sentence, with the unit */
};

/* Shorthands for the usual options: a count, a count of iterations that --scale multiplies, a size,
 * and the range of sizes that option_size_range() reads. */
#define COUNT_OPTION(k, value, h)                                                                  \
    { .key = k, .type = OPTION_COUNT, .fallback = value, .min = 1, .max = 1e12, .help = h }
#define ITERATIONS_OPTION(k, value, h)                                                             \
    {                                                                                              \
        .key = k, .type = OPTION_COUNT, .fallback = value, .min = 1, .max = 1e12, .scaled = true,  \
        .help = h                                                                                  \
    }
#define PERCENT_OPTION(k, value, h)                                                                \
    { .key = k, .type = OPTION_COUNT, .fallback = value, .min = 0, .max = 100, .help = h }
#define BYTES_OPTION(k, value, h)                                                                  \
    { .key = k, .type = OPTION_BYTES, .fallback = value, .min = 1, .max = 0x1p38, .help = h }
#define SIZE_RANGE_OPTIONS(low, high)                                                              \
    BYTES_OPTION("min_bytes", low, "smallest block"),                                              \
        BYTES_OPTION("max_bytes", high, "largest block, included")

struct run;

struct workload {
    const char *name;     /* as typed: lower case and underscores */
    const char *summary;  /* one sentence: what it does */
    const char *source;   /* where its idea was published */
    const char *stresses; /* what part of an allocator it loads */
    const struct option_spec *options;
    unsigned rounds; /* default of --rounds; 0 means 1 */

    /* The first `payload` bytes of each block belong to the workload, which may keep data there:
     * --verify stays away from them, and --touch writes before the workload does. 0: the driver
     * owns whole blocks. SIZE_MAX: the workload does. */
    size_t payload;

    /* Called in this order; all but `round` may be NULL. `setup` runs once, before threads exist:
     * it reads options and maps shared tables. The others run in each thread. `prepare` comes
     * before the measured region: w->state = own_memory(..). `round` is measured, once for each of
     * --rounds. `drain` is measured too, after the last round: it frees what is left. */
    void (*setup)(struct run *run);
    void (*prepare)(struct worker *w);
    void (*round)(struct worker *w);
    void (*drain)(struct worker *w);

    struct workload *next; /* kept by the registry */
};

/* Makes the workload known to `memtest --list` and to the command line. */
#define REGISTER_WORKLOAD(variable)                                                                \
    __attribute__((constructor)) static void register_##variable(void) {                           \
        workload_register(&(variable));                                                            \
    }                                                                                              \
    struct workload /* takes the semicolon */

void workload_register(struct workload *workload);

/* The registered workload of that name, or NULL. */
struct workload *workload_find(const char *name);

/* All workloads in order of their names; follow `next`. */
struct workload *workload_first(void);

/* ---- what setup() may ask of the run ---- */

unsigned run_threads(const struct run *run);

/* For a workload whose input decides how many threads it has: takes the place of --threads, which
 * may then only be 1 (the default) or the same. */
void run_set_threads(struct run *run, unsigned threads);

uint64_t run_seed(const struct run *run);

/* The effective value of an option of this workload. An unknown key is a programming error and
 * aborts. */
uint64_t option_number(const struct run *run, const char *key); /* OPTION_COUNT and OPTION_BYTES */
double option_real(const struct run *run, const char *key);
unsigned option_choice(const struct run *run, const char *key); /* place in `choices`, from 0 */
const char *option_text(const struct run *run, const char *key);

/* Sizes from min to max, both included. */
struct size_range {
    size_t min, max;
};

/* --min_bytes and --max_bytes; refuses the command line when they are in the wrong order. */
struct size_range option_size_range(const struct run *run);

static inline size_t random_size(struct worker *w, struct size_range range) {
    return rng_between(&w->rng, range.min, range.max);
}

/* Refuses the command line with one plain sentence (printf style) and exits with 2: for bounds
 * between options. */
__attribute__((format(printf, 1, 2), noreturn)) void usage_error(const char *format, ...);

/* ---- what prepare() and round() may ask of the run ---- */

/* A table of `count` empty slots in memtest's own memory. */
static inline struct block *new_slots(size_t count) {
    return own_memory(count * sizeof(struct block));
}

/* Frees the block of every slot that has one, in order, and empties the slots. */
static inline void free_slots(struct worker *w, struct block *slot, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (slot[i].at) {
            worker_free(w, slot[i]);
            slot[i].at = NULL;
        }
    }
}

/* Waits until every worker of the run has come here. */
void worker_barrier(struct worker *w);

/* Runs body(w) in a new thread and waits for its end: the thread is born and dies for real, the
 * worker with its counters, checksum and random numbers lives on. Exits with 2 when no thread can
 * be made. */
void worker_in_new_thread(struct worker *w, void (*body)(struct worker *w));

/* With --latency: notes that a request took `ns`, from the moment that it was meant to begin. */
void worker_request_done(struct worker *w, uint64_t ns);

/* Reports that the allocator is wrong (a {"record":"fault"} line, printf style); exits with 4. */
__attribute__((format(printf, 2, 3), noreturn)) void worker_fault(struct worker *w,
                                                                  const char *format, ...);
