/* Runs the threads of a workload through its rounds and measures what that costs. */
#pragma once
#include "curve.h"
#include "live.h"
#include "settings.h"
#include "worker.h"

#include <sys/resource.h>

/* Counters summed over the workers at one moment. */
struct totals {
    uint64_t mallocs, frees, reallocs, requested;
    int64_t live;
};

/* The state when a round ended. */
struct round_mark {
    uint64_t ns; /* CLOCK_MONOTONIC */
    struct totals totals;
};

struct measurement {
    struct settings *settings;
    struct worker *workers; /* settings->threads of them */
    struct live_page *live;
    struct curve *curve; /* NULL without --footprint */
    pthread_barrier_t barrier;
    bool over;            /* written by one thread between two barriers */
    unsigned rounds_done; /* may exceed ROUNDS_MAX, the number of marks */
    struct round_mark start, end;
    struct round_mark *marks; /* of the rounds, ROUNDS_MAX at most */
    struct rusage usage_start, usage_end;
    uint64_t cpu_start_ns, cpu_end_ns; /* processor time of the process by the scheduler's clock */
};

/* Runs the workload as the settings say and returns when all threads have ended. */
void measure(struct measurement *m, struct settings *settings);

/* The checksum of all operations: the same for the same seed, options and threads, whatever the
 * allocator. */
uint64_t measurement_checksum(const struct measurement *m);
