/* Reads a raw file: which processes it holds and where their chunks are. */
#pragma once
#include "raw.h"

#include <stddef.h>

struct raw_chunk {
    const uint64_t *words;
    uint64_t process; /* offset of its page */
    uint32_t thread;  /* 1, 2, ... */
};

struct raw_image {
    const char *memory;
    size_t bytes;
    struct raw_chunk *chunks; /* by process, thread, and time */
    size_t chunk_count;
    const struct raw_process **processes; /* in the order in which they began */
    size_t process_count;
};

/* Maps the file `name` of the directory `at`. NULL with errno set; errno 0: it holds nothing, since
 * its process ended before its recording began. */
struct raw_image *raw_image_open(int at, const char *name);

/* The process whose page lies at `offset`; NULL when none does. */
const struct raw_process *raw_image_process(const struct raw_image *image, uint64_t offset);

/* The chunks of a process: the first of `*count`. */
const struct raw_chunk *raw_image_chunks(const struct raw_image *image,
                                         const struct raw_process *process, size_t *count);

void raw_image_close(struct raw_image *image);
