/* What each thread of a replay will do, computed from a trace before anything is measured.
 *
 * A lane is one worker: it plays recorded threads that did not live at the same time, one after the
 * other. An entry holds the block of one object at a time. Operations of different lanes are
 * ordered in two ways: a step may name an operation of another lane that must be done before (the
 * object crosses threads), and no lane runs more than `window` events ahead of the slowest one. The
 * second makes entries reusable by other lanes without waiting, and bounds how far the replay may
 * stray from the recorded order; a window of 0 is that order itself. */
#pragma once
#include "../threads.h"
#include "reader.h"
#include "stream.h"

struct plan_lane {
    struct stream steps;
    struct stream left_over; /* frees of what the program never freed, for the end */
    bool has_ends;           /* at least one recorded thread ended here */
};

struct plan {
    unsigned lane_count;
    uint64_t entry_count;
    struct trace_totals totals;
    struct stream_file file;
    bool is_complete;
    struct plan_lane lanes[THREADS_MAX]; /* last: the unused ones are never touched */
};

/* Reads the trace at `path`, in a process of its own: planning takes more memory than replaying,
 * which must not show in the high-water mark of the process that is measured. Exits with EXIT_USAGE
 * and the reader's message, which has the offset, when the file is damaged, or when more than
 * THREADS_MAX recorded threads lived at the same time. */
void plan_make(struct plan *plan, const char *path, uint64_t window);
