/* What a replay can record for ./stats.py trace: a file with one 64-bit word for
 * each event of the trace, at the event's number. */
#pragma once
#include "stream.h"

#include <stdatomic.h>

struct watch {
    bool is_on;
    uint64_t *addresses; /* what the event received; 0 for events that receive nothing */
    int64_t *curve;      /* live bytes after the event, the sum over all threads */
    _Atomic int64_t live;
};

/* Creates the files whose path is not ""; memtest exits with EXIT_USAGE when it cannot. */
void watch_open(struct watch *watch, const char *addresses, const char *curve, uint64_t events);

/* Notes a step that has been done: `address` is what its entry holds now, `change` what it added to
 * the live bytes. */
void watch_step(struct watch *watch, const struct replay_step *step, const void *address,
                int64_t change);
