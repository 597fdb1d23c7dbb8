#include "raw_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* One thread's chunks, a list through struct raw_file's `following`, and where reading stands. */
struct cursor {
    const uint64_t *next, *end; /* events of the current chunk */
    uint64_t mark_ns;           /* of the current chunk, until its first event is read */
    size_t first, last, chunk;  /* numbers of chunks, NO_CHUNK for none */
    uint64_t seq;               /* of the next event */
};

struct raw_file {
    const char *memory;
    size_t bytes;
    const uint64_t **chunks; /* in the order of the file, which is that of each thread's time */
    size_t *following;       /* the next chunk of the same thread */
    size_t chunk_count;
    struct cursor *cursors; /* by thread - 1 */
    uint32_t threads;
    uint32_t *heap; /* threads with events left, the one with the smallest number on top */
    size_t heap_size;
};

#define NO_CHUNK SIZE_MAX

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    if (!memory) {
        fprintf(stderr, "alloc-record: out of memory\n");
        exit(1);
    }
    return memory;
}

const struct raw_header *raw_header_of(const struct raw_file *file) {
    return (const struct raw_header *)file->memory;
}

static uint32_t thread_of(const uint64_t *chunk) {
    return (uint32_t)(chunk[0] >> 32);
}

/* Finds the chunks. A thread that died between claiming a chunk and naming it left zeros. */
static void find_chunks(struct raw_file *file) {
    size_t capacity = file->bytes / RAW_CHUNK_MIN, offset = RAW_HEADER_BYTES;
    file->chunks = allocate(capacity, sizeof *file->chunks);
    file->following = allocate(capacity, sizeof *file->following);
    while (offset < file->bytes) {
        const uint64_t *chunk = (const uint64_t *)(file->memory + offset);
        uint32_t bytes = (uint32_t)chunk[0];
        if (chunk[0]) {
            file->chunks[file->chunk_count++] = chunk;
            if (thread_of(chunk) > file->threads)
                file->threads = thread_of(chunk);
        }
        offset += bytes ? bytes : RAW_CHUNK_MIN;
    }
}

static void link_chunks(struct raw_file *file) {
    file->cursors = allocate(file->threads, sizeof *file->cursors);
    file->heap = allocate(file->threads, sizeof *file->heap);
    for (uint32_t i = 0; i < file->threads; i++)
        file->cursors[i].first = file->cursors[i].last = NO_CHUNK;
    for (size_t i = 0; i < file->chunk_count; i++) {
        struct cursor *cursor = &file->cursors[thread_of(file->chunks[i]) - 1];
        file->following[i] = NO_CHUNK;
        if (cursor->first == NO_CHUNK)
            cursor->first = i;
        else
            file->following[cursor->last] = i;
        cursor->last = i;
    }
}

static void enter_chunk(struct raw_file *file, struct cursor *cursor, size_t number) {
    cursor->chunk = number;
    cursor->next = cursor->end = NULL;
    if (number == NO_CHUNK)
        return;
    const uint64_t *chunk = file->chunks[number];
    cursor->next = chunk + RAW_HEAD_WORDS;
    cursor->end = chunk + (uint32_t)chunk[0] / sizeof *chunk;
    cursor->mark_ns = chunk[1];
}

/* Moves on to a chunk that has an event left; false when the thread has none. */
static bool find_event(struct raw_file *file, struct cursor *cursor) {
    while (cursor->chunk != NO_CHUNK) {
        if (cursor->end - cursor->next >= 2 && *cursor->next) {
            cursor->seq = raw_seq_of(*cursor->next);
            return true;
        }
        enter_chunk(file, cursor, file->following[cursor->chunk]);
    }
    return false;
}

static uint64_t seq_at(const struct raw_file *file, size_t place) {
    return file->cursors[file->heap[place]].seq;
}

static void swap(struct raw_file *file, size_t one, size_t other) {
    uint32_t thread = file->heap[one];
    file->heap[one] = file->heap[other];
    file->heap[other] = thread;
}

static void sink(struct raw_file *file, size_t place) {
    for (;;) {
        size_t least = place, left = 2 * place + 1, right = left + 1;
        if (left < file->heap_size && seq_at(file, left) < seq_at(file, least))
            least = left;
        if (right < file->heap_size && seq_at(file, right) < seq_at(file, least))
            least = right;
        if (least == place)
            return;
        swap(file, place, least);
        place = least;
    }
}

void raw_rewind(struct raw_file *file) {
    file->heap_size = 0;
    for (uint32_t i = 0; i < file->threads; i++) {
        enter_chunk(file, &file->cursors[i], file->cursors[i].first);
        if (find_event(file, &file->cursors[i]))
            file->heap[file->heap_size++] = i;
    }
    for (size_t i = file->heap_size / 2; i-- > 0;)
        sink(file, i);
}

bool raw_next(struct raw_file *file, struct raw_event *event) {
    if (file->heap_size == 0)
        return false;
    struct cursor *cursor = &file->cursors[file->heap[0]];
    const uint64_t *words = cursor->next;
    *event = (struct raw_event){
        .op = raw_op_of(words[0]),
        .thread = file->heap[0] + 1,
        .align_log2 = raw_align_of(words[0]),
        .seq = cursor->seq,
        .address = words[1],
        .mark_ns = cursor->mark_ns,
    };
    if (raw_words_of(event->op) == 3)
        event->size = words[2];
    cursor->mark_ns = 0;
    cursor->next += raw_words_of(event->op);
    event->is_last = !find_event(file, cursor);
    if (event->is_last)
        file->heap[0] = file->heap[--file->heap_size];
    sink(file, 0);
    return true;
}

static bool map(struct raw_file *file, int fd) {
    struct raw_header header;
    struct stat status;
    if (fstat(fd, &status) != 0 || pread(fd, &header, sizeof header, 0) != sizeof header ||
        header.magic != RAW_MAGIC)
        return false;
    file->bytes = atomic_load(&header.claimed);
    if (file->bytes > (size_t)status.st_size) /* the claim that found no room */
        file->bytes = (size_t)status.st_size;
    void *memory = mmap(NULL, file->bytes, PROT_READ, MAP_SHARED, fd, 0);
    file->memory = memory;
    return memory != MAP_FAILED;
}

struct raw_file *raw_open(const char *path) {
    struct raw_file *file = allocate(1, sizeof *file);
    errno = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_mapped = fd >= 0 && map(file, fd);
    if (fd >= 0)
        close(fd);
    if (!is_mapped) {
        fprintf(stderr, "alloc-record: %s: %s\n", path,
                errno ? strerror(errno) : "no recording, or its process died before it began");
        free(file);
        return NULL;
    }
    find_chunks(file);
    link_chunks(file);
    raw_rewind(file);
    return file;
}

void raw_close(struct raw_file *file) {
    munmap((void *)(uintptr_t)file->memory, file->bytes);
    free(file->chunks);
    free(file->following);
    free(file->cursors);
    free(file->heap);
    free(file);
}
