/* All events of all threads of one process, in the order of their numbers. */
#pragma once
#include "raw_image.h"

#include <stdbool.h>

struct raw_event {
    enum raw_op op;
    uint32_t thread; /* 1, 2, ... */
    unsigned align_log2;
    uint64_t seq;
    uint64_t address; /* of RAW_THREAD_END: the time */
    uint64_t size;
    bool is_last;     /* of its thread */
    uint64_t mark_ns; /* CLOCK_MONOTONIC when the thread began the chunk that starts here; else 0 */
};

struct raw_stream;

/* The image must stay open as long. */
struct raw_stream *raw_open(const struct raw_image *image, const struct raw_process *process);

const struct raw_process *raw_process_of(const struct raw_stream *stream);

/* The greatest number of a thread. */
uint32_t raw_threads(const struct raw_stream *stream);

/* Gives the next event; false at the end. */
bool raw_next(struct raw_stream *stream, struct raw_event *event);

/* Starts again with the first event. */
void raw_rewind(struct raw_stream *stream);

void raw_close(struct raw_stream *stream);
