/* A long list of operations that is written once and then read from the front, any number of times.
 * It is in a file without a name (memfd) and is read through a window of 16 KiB, so that a replay
 * of ten million events adds next to nothing to the resident memory that is being measured. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum replay_op {
    REPLAY_MALLOC,
    REPLAY_CALLOC,
    REPLAY_ALIGNED,
    REPLAY_REALLOC,
    REPLAY_FREE,
    REPLAY_REALLOC_NULL, /* realloc(NULL, size) */
    REPLAY_FREE_NULL,    /* free(NULL) */
    REPLAY_THREAD_END,   /* the recorded thread ended; what follows is another thread's */
};

struct replay_step {
    uint64_t number : 48; /* of the event in the trace */
    uint64_t op : 8;      /* enum replay_op */
    uint64_t align_log2 : 8;
    uint64_t size : 48;  /* bytes, where the operation has a size */
    uint64_t after : 16; /* lane + 1 of an operation that must be done before; 0: none */
    uint32_t entry;      /* where the object's block is kept */
    uint32_t after_back; /* that operation is number - after_back */
};

enum { STREAM_SEGMENT = 16384, STREAM_STEPS = STREAM_SEGMENT / sizeof(struct replay_step) - 1 };

/* Steps, then the place of the segment that follows. */
struct stream_segment {
    struct replay_step steps[STREAM_STEPS];
    uint64_t next;  /* offset in the file; 0: this is the last segment */
    uint64_t count; /* of steps */
};

struct stream {
    struct stream_segment *window;
    size_t at;      /* next step in the window */
    uint64_t first; /* offset of the first segment */
    uint64_t here;  /* offset of the window's segment */
    struct stream_file *file;
};

/* The file that several streams share. */
struct stream_file {
    int fd;
    uint64_t used; /* bytes given to segments; 0 is never a segment's offset */
};

/* Makes the file; without one memtest exits with EXIT_USAGE. */
void stream_file_open(struct stream_file *file);

void stream_begin(struct stream *stream, struct stream_file *file);
void stream_append(struct stream *stream, const struct replay_step *step);

/* Ends writing. */
void stream_finish(struct stream *stream);

/* Begins reading a finished stream, of which only `first` is set, maybe by another process. */
void stream_open(struct stream *stream, struct stream_file *file);

/* Goes back to the first step. */
void stream_rewind(struct stream *stream);

/* Cold: reads the next segment; false when there is none. */
bool stream_advance(struct stream *stream);

/* True when stream_next() would return NULL. */
static inline bool stream_is_at_end(const struct stream *stream) {
    return stream->at == stream->window->count && stream->window->next == 0;
}

/* The next step, valid until the next call; NULL at the end. */
static inline const struct replay_step *stream_next(struct stream *stream) {
    if (__builtin_expect(stream->at == stream->window->count, 0) && !stream_advance(stream))
        return NULL;
    return &stream->window->steps[stream->at++];
}
