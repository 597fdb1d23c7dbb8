/* One run: threads, barriers, the measured region and what it cost. */
#pragma once
#include "live.h"
#include "options.h"

#include <pthread.h>
#include <sys/resource.h>

/* Counters summed over the workers at one moment. */
struct totals {
    uint64_t mallocs, frees, reallocs, requested;
    int64_t live;
};

/* What was known when a round ended. */
struct round_mark {
    uint64_t ns; /* CLOCK_MONOTONIC */
    struct totals totals;
};

struct run {
    struct settings *settings;
    struct worker *workers; /* settings->threads of them */
    struct live_page *live;
    pthread_barrier_t barrier;
    bool over;            /* written by one thread between two barriers */
    unsigned rounds_done; /* counts on past ROUNDS_MAX, where marks end */
    struct round_mark start, end;
    struct round_mark *marks; /* of the rounds, ROUNDS_MAX at most */
    struct rusage usage_start, usage_end;
};

/* Runs the workload as the settings say and returns when all threads have ended. */
void run_execute(struct run *run, struct settings *settings);

/* The checksum of all operations: the same for the same seed, options and threads, whatever the
 * allocator. */
uint64_t run_checksum(const struct run *run);
