/* The contract between memtest and a workload. A workload is ONE file in memtest/workloads/: it
 * describes itself in a struct workload, registers it with REGISTER_WORKLOAD, and makes every call
 * to the allocator through calls.h. docs/add-a-workload.md explains an example. */
#pragma once
#include "entries.h"
#include "settings.h"
#include "threads.h"
#include "usage.h"

/* A planted fault that a metric of this workload must show. tests/memtest/planted.c is an allocator
 * with one fault of a chosen name; test_discrimination.py runs the workload on it and on a sound
 * allocator. */
struct caught_fault {
    const char *fault;
    const char *metric;  /* of the end record, or "rss_after_free_bytes" */
    double rises;        /* to at least so many times the value of a sound allocator */
    unsigned threads;    /* 0 means 1 */
    const char *options; /* NULL: the options of `smoke` */
};

/* Shorthands for the usual ones: freed memory is not used again; what another thread freed is not
 * used again; all threads share one lock; blocks of different threads share a cache line. */
#define CATCHES_LEAK                                                                               \
    { .fault = "leak", .metric = "minor_faults", .rises = 2 }
#define CATCHES_REMOTE_LEAK                                                                        \
    { .fault = "remote_leak", .metric = "minor_faults", .rises = 2, .threads = 2 }
#define CATCHES_LOCK(o)                                                                            \
    { .fault = "lock", .metric = "wall_s", .rises = 1.5, .threads = 2, .options = o }
#define CATCHES_FALSE_SHARING(o)                                                                   \
    { .fault = "near", .metric = "wall_s", .rises = 1.3, .threads = 2, .options = o }
#define CATCHES_COPYING_REALLOC(o)                                                                 \
    { .fault = "copy", .metric = "minor_faults", .rises = 2, .options = o }
#define CATCHES_KEPT_MEMORY(o)                                                                     \
    { .fault = "keep", .metric = "rss_after_free_bytes", .rises = 2, .options = o }

enum { CAUGHT_MAX = 4 };

struct workload {
    const char *name;     /* as typed: lower case and underscores */
    const char *summary;  /* one sentence: what it does */
    const char *source;   /* where its idea was published */
    const char *stresses; /* the part of an allocator that it loads */
    const struct option_spec *options;
    unsigned rounds; /* default of --rounds; 0 means 1 */

    /* For the tests: options that make one run take some 10 ms with a heap of at most some MB, as a
     * user would type them, and the faults that such a run shows. A workload without `catches`
     * must not allocate. */
    const char *smoke;
    struct caught_fault catches[CAUGHT_MAX];

    /* The number of entries of each worker's table, valid after setup(): the driver maps
     * w->entries, empty, before prepare(). NULL: no table. */
    const size_t *entries;

    /* The first `payload` bytes of each block belong to the workload, which may keep data there:
     * --verify does not use them, and --touch writes before the workload does. 0: the driver owns
     * whole blocks. SIZE_MAX: the workload does. A workload that declares a payload does not run on
     * the null allocator (allocators/reference/null.c), where all blocks overlap. */
    size_t payload;

    /* Called in this order; all but `round` may be NULL. `setup` runs once, before threads exist:
     * it reads options and maps shared tables. The others run in each thread. `prepare` comes
     * before the measured region: w->state = own_memory(..). `round` is measured, once for each of
     * --rounds. `drain` is measured too, after the last round: it frees what is left. */
    void (*setup)(struct settings *settings);
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

/* ---- for setup(): settings->threads and settings->seed, and: ---- */

/* The value of an option of this workload. An unknown key is a programming error and aborts. */
uint64_t option_number(const struct settings *settings, const char *key); /* COUNT and BYTES */
double option_real(const struct settings *settings, const char *key);
unsigned option_choice(const struct settings *settings, const char *key); /* place in `choices` */
const char *option_text(const struct settings *settings, const char *key);

/* --min_bytes and --max_bytes; refuses the command line when they are in the wrong order. */
struct size_range option_size_range(const struct settings *settings);

/* For a workload whose input determines the number of threads: replaces --threads, which may then
 * only be 1 (the default) or the same. */
void require_threads(struct settings *settings, unsigned threads);
