#define _GNU_SOURCE
#include "stream.h"

#include "../exit_codes.h"
#include "../own_memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

_Static_assert(sizeof(struct replay_step) == 24, "three words a step");
_Static_assert(sizeof(struct stream_segment) <= STREAM_SEGMENT, "a segment fits");

__attribute__((noreturn)) static void give_up(const char *what) {
    fprintf(stderr, "memtest: the operations of the trace cannot be %s: %s\n", what,
            strerror(errno));
    exit(EXIT_USAGE);
}

void stream_file_open(struct stream_file *file) {
    file->fd = memfd_create("replay", MFD_CLOEXEC);
    if (file->fd < 0)
        give_up("stored");
    file->used = STREAM_SEGMENT;
}

static uint64_t new_place(struct stream *stream) {
    uint64_t place = stream->file->used;
    stream->file->used += STREAM_SEGMENT;
    return place;
}

static void write_window(struct stream *stream) {
    ssize_t size = (ssize_t)sizeof *stream->window;
    if (pwrite(stream->file->fd, stream->window, (size_t)size, (off_t)stream->here) != size)
        give_up("stored");
}

static void read_window(struct stream *stream, uint64_t place) {
    ssize_t size = (ssize_t)sizeof *stream->window;
    if (pread(stream->file->fd, stream->window, (size_t)size, (off_t)place) != size)
        give_up("read back");
    stream->here = place;
    stream->at = 0;
}

void stream_begin(struct stream *stream, struct stream_file *file) {
    *stream = (struct stream){.file = file, .window = own_memory(sizeof *stream->window)};
    stream->first = stream->here = new_place(stream);
}

void stream_append(struct stream *stream, const struct replay_step *step) {
    struct stream_segment *window = stream->window;
    if (window->count == STREAM_STEPS) {
        window->next = new_place(stream);
        write_window(stream);
        stream->here = window->next;
        window->next = window->count = 0;
    }
    window->steps[window->count++] = *step;
}

void stream_finish(struct stream *stream) {
    write_window(stream);
}

void stream_open(struct stream *stream, struct stream_file *file) {
    stream->file = file;
    stream->window = own_memory(sizeof *stream->window);
    read_window(stream, stream->first);
}

void stream_rewind(struct stream *stream) {
    if (stream->here != stream->first)
        read_window(stream, stream->first);
    stream->at = 0;
}

bool stream_advance(struct stream *stream) {
    if (stream->window->next == 0)
        return false;
    read_window(stream, stream->window->next);
    return true;
}
