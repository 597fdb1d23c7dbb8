#include "raw_stream.h"

#include "memory.h"

#include <stdlib.h>

/* The reading position in one thread's chunks. */
struct cursor {
    const uint64_t *next, *end; /* events of the current chunk */
    uint64_t mark_ns;           /* of the current chunk, until its first event is read */
    const struct raw_chunk *first, *following, *last; /* `last` is behind the last one */
    uint64_t seq;                                     /* of the next event */
};

struct raw_stream {
    const struct raw_process *process;
    struct cursor *cursors;
    uint32_t threads;    /* cursors */
    uint32_t max_thread; /* greatest name of a thread */
    uint32_t *heap;      /* cursors with events left, a min-heap by the next number */
    size_t heap_size;
};

const struct raw_process *raw_process_of(const struct raw_stream *stream) {
    return stream->process;
}

uint32_t raw_threads(const struct raw_stream *stream) {
    return stream->max_thread;
}

/* The chunks come sorted by thread. */
static void find_threads(struct raw_stream *stream, const struct raw_chunk *chunks, size_t count) {
    for (size_t i = 0; i < count; i++)
        stream->threads += i == 0 || chunks[i].thread != chunks[i - 1].thread;
    stream->cursors = memory_allocate(stream->threads, sizeof *stream->cursors);
    stream->heap = memory_allocate(stream->threads, sizeof *stream->heap);
    struct cursor *cursor = stream->cursors;
    for (size_t i = 0; i < count; i++) {
        if (i == 0)
            cursor->first = chunks;
        else if (chunks[i].thread != chunks[i - 1].thread)
            (++cursor)->first = chunks + i;
        cursor->last = chunks + i + 1;
        stream->max_thread = chunks[i].thread;
    }
}

static void enter_chunk(struct cursor *cursor, const struct raw_chunk *chunk) {
    cursor->following = chunk + 1;
    cursor->next = chunk->words + RAW_CHUNK_WORDS;
    cursor->end = chunk->words + (uint32_t)chunk->words[0] / sizeof *chunk->words;
    cursor->mark_ns = chunk->words[1];
}

/* Moves to the next chunk that has an event; false if the thread has no more. */
static bool find_event(struct cursor *cursor) {
    for (;;) {
        if (cursor->end - cursor->next >= 2 && *cursor->next) {
            cursor->seq = raw_seq_of(*cursor->next);
            return true;
        }
        if (cursor->following == cursor->last)
            return false;
        enter_chunk(cursor, cursor->following);
    }
}

static uint64_t seq_at(const struct raw_stream *stream, size_t place) {
    return stream->cursors[stream->heap[place]].seq;
}

static void swap(struct raw_stream *stream, size_t one, size_t other) {
    uint32_t cursor = stream->heap[one];
    stream->heap[one] = stream->heap[other];
    stream->heap[other] = cursor;
}

static void sink(struct raw_stream *stream, size_t place) {
    for (;;) {
        size_t least = place, left = 2 * place + 1, right = left + 1;
        if (left < stream->heap_size && seq_at(stream, left) < seq_at(stream, least))
            least = left;
        if (right < stream->heap_size && seq_at(stream, right) < seq_at(stream, least))
            least = right;
        if (least == place)
            return;
        swap(stream, place, least);
        place = least;
    }
}

void raw_rewind(struct raw_stream *stream) {
    stream->heap_size = 0;
    for (uint32_t i = 0; i < stream->threads; i++) {
        enter_chunk(&stream->cursors[i], stream->cursors[i].first);
        if (find_event(&stream->cursors[i]))
            stream->heap[stream->heap_size++] = i;
    }
    for (size_t i = stream->heap_size / 2; i-- > 0;)
        sink(stream, i);
}

bool raw_next(struct raw_stream *stream, struct raw_event *event) {
    if (stream->heap_size == 0)
        return false;
    struct cursor *cursor = &stream->cursors[stream->heap[0]];
    const uint64_t *words = cursor->next;
    *event = (struct raw_event){
        .op = raw_op_of(words[0]),
        .thread = cursor->first->thread,
        .align_log2 = raw_align_of(words[0]),
        .seq = cursor->seq,
        .address = words[1],
        .mark_ns = cursor->mark_ns,
    };
    if (raw_words_of(event->op) == 3)
        event->size = words[2];
    cursor->mark_ns = 0;
    cursor->next += raw_words_of(event->op);
    event->is_last = !find_event(cursor);
    if (event->is_last)
        stream->heap[0] = stream->heap[--stream->heap_size];
    sink(stream, 0);
    return true;
}

struct raw_stream *raw_open(const struct raw_image *image, const struct raw_process *process) {
    struct raw_stream *stream = memory_allocate(1, sizeof *stream);
    size_t count;
    const struct raw_chunk *chunks = raw_image_chunks(image, process, &count);
    stream->process = process;
    find_threads(stream, chunks, count);
    raw_rewind(stream);
    return stream;
}

void raw_close(struct raw_stream *stream) {
    free(stream->cursors);
    free(stream->heap);
    free(stream);
}
