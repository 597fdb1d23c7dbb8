#include "writer.h"

#include "memory.h"
#include "memtest/trace/leb.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { COMPRESSION = 6 }; /* zlib's default: 9 saves 2 % and takes three times as long */

struct column {
    uint8_t *bytes;
    size_t used;
};

struct trace_writer {
    int at; /* the folder */
    char name[PATH_MAX];
    char part[PATH_MAX]; /* its name until it is complete */
    FILE *file;
    int error; /* errno of the first failure; nothing is written after it */
    struct column columns[TRACE_COLUMNS];
    uint32_t events;      /* in the current chunk */
    uint64_t first_event; /* of the current chunk */
    uint64_t threads;
    uint32_t thread, consecutive; /* of the last event; events in a row that are its */
    uint8_t *plain, *packed;
};

/* The most that a column needs in one chunk: two numbers for each event. */
enum { COLUMN_BYTES = TRACE_CHUNK_EVENTS * 2 * LEB_MAX_BYTES };

/* The file that is being written, for writer_abandon(). */
static struct trace_writer *current;

static void fail(struct trace_writer *writer) {
    if (!writer->error)
        writer->error = errno;
}

static void put(struct trace_writer *writer, const void *bytes, size_t length) {
    if (!writer->error && fwrite(bytes, 1, length, writer->file) != length)
        fail(writer);
}

static void put_chunk(struct trace_writer *writer, enum trace_kind kind, const void *plain,
                      size_t length) {
    uLongf packed = compressBound(TRACE_COLUMNS * COLUMN_BYTES);
    if (compress2(writer->packed, &packed, plain, length, COMPRESSION) != Z_OK) {
        errno = ENOMEM;
        fail(writer);
    }
    struct trace_chunk_head head = {
        .magic = TRACE_CHUNK_MAGIC,
        .kind = kind,
        .first_event = writer->first_event,
        .events = writer->events,
        .packed = (uint32_t)packed,
        .unpacked = (uint32_t)length,
    };
    uLong crc = crc32(0, (const void *)&head, offsetof(struct trace_chunk_head, crc));
    head.crc = (uint32_t)crc32(crc, writer->packed, (uInt)packed);
    put(writer, &head, sizeof head);
    put(writer, writer->packed, packed);
}

static void append(struct trace_writer *writer, enum trace_column column, uint64_t number) {
    struct column *to = &writer->columns[column];
    to->used += leb_write(to->bytes + to->used, number);
}

static void end_sequence(struct trace_writer *writer) {
    if (writer->consecutive) {
        append(writer, TRACE_THREADS, writer->thread);
        append(writer, TRACE_THREADS, writer->consecutive);
    }
    writer->consecutive = 0;
}

static void end_chunk(struct trace_writer *writer) {
    uint32_t lengths[TRACE_COLUMNS];
    size_t length = sizeof lengths;
    end_sequence(writer);
    for (int i = 0; i < TRACE_COLUMNS; i++) {
        struct column *column = &writer->columns[i];
        lengths[i] = (uint32_t)column->used;
        memcpy(writer->plain + length, column->bytes, column->used);
        length += column->used;
        column->used = 0;
    }
    memcpy(writer->plain, lengths, sizeof lengths);
    if (writer->events)
        put_chunk(writer, TRACE_EVENTS, writer->plain, length);
    writer->first_event += writer->events;
    writer->events = 0;
}

uint64_t writer_event(struct trace_writer *writer, uint32_t thread, enum trace_op op, uint64_t size,
                      unsigned align_log2, uint64_t back) {
    struct column *ops = &writer->columns[TRACE_OP], *aligns = &writer->columns[TRACE_ALIGNS];
    if (thread != writer->thread)
        end_sequence(writer);
    writer->thread = thread;
    writer->consecutive++;
    if (thread >= writer->threads)
        writer->threads = (uint64_t)thread + 1;
    ops->bytes[ops->used++] = (uint8_t)op;
    if (trace_op_acquires(op))
        append(writer, TRACE_SIZES, size);
    if (op == TRACE_ALIGNED)
        aligns->bytes[aligns->used++] = (uint8_t)align_log2;
    if (trace_op_releases(op))
        append(writer, TRACE_BACKS, back);
    uint64_t number = writer->first_event + writer->events++;
    if (writer->events == TRACE_CHUNK_EVENTS)
        end_chunk(writer);
    return number;
}

void writer_mark(struct trace_writer *writer, uint64_t ns) {
    append(writer, TRACE_MARKS, writer->events);
    append(writer, TRACE_MARKS, ns);
}

static void open_part(struct trace_writer *writer) {
    unlinkat(writer->at, writer->part, 0); /* left by a conversion that was killed */
    int fd = openat(writer->at, writer->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    writer->file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (!writer->file)
        fail(writer);
}

struct trace_writer *writer_open(int at, const char *name, const char *meta) {
    struct trace_writer *writer = memory_allocate(1, sizeof *writer);
    writer->at = at;
    snprintf(writer->name, sizeof writer->name, "%s", name);
    current = writer;
    if (snprintf(writer->part, sizeof writer->part, "%s.part", name) >= PATH_MAX)
        writer->error = ENAMETOOLONG;
    else
        open_part(writer);
    for (int i = 0; i < TRACE_COLUMNS; i++)
        writer->columns[i].bytes = memory_allocate(1, COLUMN_BYTES);
    writer->plain = memory_allocate(1, TRACE_COLUMNS * COLUMN_BYTES);
    writer->packed = memory_allocate(1, compressBound(TRACE_COLUMNS * COLUMN_BYTES));
    struct trace_head head = {TRACE_MAGIC, TRACE_VERSION, 0};
    head.crc = (uint32_t)crc32(0, (const void *)&head, offsetof(struct trace_head, crc));
    put(writer, &head, sizeof head);
    put_chunk(writer, TRACE_META, meta, strlen(meta));
    return writer;
}

void writer_abandon(void) {
    if (current)
        unlinkat(current->at, current->part, 0);
}

/* Gives the finished file its name, or removes it. */
static void publish(struct trace_writer *writer) {
    if (writer->file && fclose(writer->file) != 0)
        fail(writer);
    if (!writer->error && renameat(writer->at, writer->part, writer->at, writer->name) != 0)
        fail(writer);
    if (writer->error) {
        unlinkat(writer->at, writer->part, 0);
        fprintf(stderr, "alloc-record: %s: %s; this trace is not written\n", writer->name,
                strerror(writer->error));
    }
    current = NULL;
}

bool writer_close(struct trace_writer *writer, struct trace_totals *totals) {
    end_chunk(writer);
    totals->events = writer->first_event;
    totals->threads = writer->threads;
    put_chunk(writer, TRACE_END, totals, sizeof *totals);
    publish(writer);
    bool is_written = !writer->error;
    for (int i = 0; i < TRACE_COLUMNS; i++)
        free(writer->columns[i].bytes);
    free(writer->plain);
    free(writer->packed);
    free(writer);
    return is_written;
}
