/* Reads a raw file: all events of all threads of one process, in the order of their numbers. */
#pragma once
#include "raw.h"

#include <stdbool.h>
#include <stddef.h>

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

struct raw_file;

/* Maps the file; prints why and returns NULL when it is none. */
struct raw_file *raw_open(const char *path);

const struct raw_header *raw_header_of(const struct raw_file *file);

/* Gives the next event; false at the end. */
bool raw_next(struct raw_file *file, struct raw_event *event);

/* Begins again with the first event. */
void raw_rewind(struct raw_file *file);

void raw_close(struct raw_file *file);
