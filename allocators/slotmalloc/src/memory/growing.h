/* An array that is mapped step by step, at a fixed address.
 *
 * One thread at a time may grow it. */
#ifndef SLOTMALLOC_GROWING_H
#define SLOTMALLOC_GROWING_H

#include "base/types.h"

struct growing {
    uintptr_t start; /* page aligned */
    size_t bytes;    /* mapped: [start, start + bytes) */
    size_t limit;    /* most bytes, whole pages */
    size_t first;    /* bytes of the first step */
    size_t claimed;  /* `bytes` after the current step */
};

/* Most bytes that a step may map beyond what is needed: SIZE_MAX, or less when the process is
 * limited or the kernel has refused a step. The arrays take an eighth of it at a time. */
extern size_t growing_ahead;

static inline bool growing_is_limited(void) {
    return growing_ahead != SIZE_MAX;
}

/* Maps at least the first `bytes`; they read as zero. After NO_MEMORY all is as it was. */
enum status growing_reach(struct growing *array, size_t bytes);

/* In a process forked while another thread was mapping a step: completes the step. */
void growing_complete(struct growing *array);

/* Unmaps all of it. */
void growing_drop(struct growing *array);

#endif
