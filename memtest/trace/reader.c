#define _GNU_SOURCE
#include "reader.h"

#include "leb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* More than any valid chunk needs: six columns of at most ten bytes an event. */
enum { UNPACKED_MAX = TRACE_CHUNK_EVENTS * 64, ZLIB_BYTES = 1 << 17 };

struct column {
    const uint8_t *at, *end;
};

struct trace_reader {
    const uint8_t *file;
    size_t bytes;
    const char *path;
    struct trace_error *error;
    size_t offset;        /* of the next chunk */
    size_t chunk_offset;  /* of the current one */
    uint64_t next_event;  /* number of the next event */
    uint32_t left;        /* events left in the current chunk */
    uint64_t thread_left; /* of them, how many belong to `thread` */
    uint32_t thread;
    uint64_t threads; /* one more than the greatest thread seen */
    bool has_meta, has_end;
    struct trace_totals totals;
    struct column columns[TRACE_COLUMNS];
    uint8_t unpacked[UNPACKED_MAX];
    uint8_t zlib[ZLIB_BYTES]; /* zlib's own state, instead of malloc */
    size_t zlib_used;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct trace_reader *r, const char *format,
                                                         ...) {
    char what[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    snprintf(r->error->text, sizeof r->error->text, "%s: offset %zu: %s", r->path, r->chunk_offset,
             what);
    return false;
}

static void *zlib_take(void *opaque, unsigned items, unsigned size) {
    struct trace_reader *r = opaque;
    size_t bytes = ((size_t)items * size + 15) & ~(size_t)15;
    if (bytes > ZLIB_BYTES - r->zlib_used)
        return Z_NULL;
    void *memory = r->zlib + r->zlib_used;
    r->zlib_used += bytes;
    return memory;
}

static void zlib_give(void *opaque, void *address) {
    (void)opaque, (void)address; /* all at once, before the next chunk */
}

static bool inflate_chunk(struct trace_reader *r, const struct trace_chunk_head *head,
                          const uint8_t *packed) {
    z_stream stream = {.zalloc = zlib_take, .zfree = zlib_give, .opaque = r};
    r->zlib_used = 0;
    if (inflateInit(&stream) != Z_OK)
        return refuse(r, "zlib does not start");
    stream.next_in = (uint8_t *)(uintptr_t)packed;
    stream.avail_in = head->packed;
    stream.next_out = r->unpacked;
    stream.avail_out = head->unpacked;
    int result = inflate(&stream, Z_FINISH);
    if (result != Z_STREAM_END || stream.avail_out || stream.avail_in)
        return refuse(r, "the chunk does not unpack to the %u bytes it promises", head->unpacked);
    return true;
}

static bool check_head(struct trace_reader *r, const struct trace_chunk_head *head) {
    if (head->magic != TRACE_CHUNK_MAGIC)
        return refuse(r, "there is no chunk here: the file is damaged");
    if (head->packed > r->bytes - r->chunk_offset - sizeof *head)
        return refuse(r, "the chunk needs %u bytes, the file ends after %zu: it is cut off",
                      head->packed, r->bytes - r->chunk_offset - sizeof *head);
    uLong crc = crc32(0, (const void *)head, offsetof(struct trace_chunk_head, crc));
    crc = crc32(crc, r->file + r->chunk_offset + sizeof *head, head->packed);
    if (crc != head->crc)
        return refuse(r, "the checksum of the chunk is wrong: the file is damaged");
    if (head->unpacked > UNPACKED_MAX || head->events > TRACE_CHUNK_EVENTS)
        return refuse(r, "the chunk is larger than the format allows");
    if (head->first_event != r->next_event)
        return refuse(r, "the chunk begins with event %llu, not %llu",
                      (unsigned long long)head->first_event, (unsigned long long)r->next_event);
    if ((head->kind == TRACE_META) == r->has_meta)
        return refuse(r, "a trace has one chunk of metadata, at its beginning");
    return true;
}

static bool open_columns(struct trace_reader *r, const struct trace_chunk_head *head) {
    uint32_t lengths[TRACE_COLUMNS];
    const uint8_t *at = r->unpacked + sizeof lengths, *end = r->unpacked + head->unpacked;
    if (head->unpacked < sizeof lengths)
        return refuse(r, "the chunk is too short for its columns");
    memcpy(lengths, r->unpacked, sizeof lengths);
    for (int i = 0; i < TRACE_COLUMNS; i++) {
        if (lengths[i] > (size_t)(end - at))
            return refuse(r, "the columns are longer than their chunk");
        r->columns[i] = (struct column){at, at + lengths[i]};
        at += lengths[i];
    }
    if (at != end || lengths[TRACE_OP] != head->events)
        return refuse(r, "the columns do not fill their chunk");
    r->left = head->events;
    r->thread_left = 0;
    return true;
}

static bool close_file(struct trace_reader *r, const struct trace_chunk_head *head) {
    if (head->unpacked != sizeof r->totals)
        return refuse(r, "the totals have %u bytes, not %zu", head->unpacked, sizeof r->totals);
    memcpy(&r->totals, r->unpacked, sizeof r->totals);
    if (r->totals.events != r->next_event || r->totals.threads != r->threads)
        return refuse(r, "the totals do not fit the events");
    if (r->offset != r->bytes)
        return refuse(r, "%zu bytes follow after the end", r->bytes - r->offset);
    r->has_end = true;
    return true;
}

/* Reads the next chunk. True: its columns are open, or it was the end. */
static bool next_chunk(struct trace_reader *r) {
    struct trace_chunk_head head;
    r->chunk_offset = r->offset;
    if (r->bytes - r->offset < sizeof head)
        return refuse(r, "the file ends here without its totals: it is cut off");
    memcpy(&head, r->file + r->offset, sizeof head);
    if (!check_head(r, &head) || !inflate_chunk(r, &head, r->file + r->chunk_offset + sizeof head))
        return false;
    r->offset += sizeof head + head.packed;
    switch (head.kind) {
    case TRACE_META:
        r->has_meta = true;
        return true;
    case TRACE_EVENTS:
        return open_columns(r, &head);
    case TRACE_END:
        return close_file(r, &head);
    }
    return refuse(r, "a chunk of kind %u is unknown", head.kind);
}

static bool take_number(struct trace_reader *r, enum trace_column column, uint64_t *value) {
    return leb_read(&r->columns[column].at, r->columns[column].end, value);
}

static bool take_byte(struct trace_reader *r, enum trace_column column, uint64_t *value) {
    if (r->columns[column].at == r->columns[column].end)
        return false;
    *value = *r->columns[column].at++;
    return true;
}

static bool take_thread(struct trace_reader *r) {
    uint64_t thread;
    if (r->thread_left == 0) {
        if (!take_number(r, TRACE_THREADS, &thread) ||
            !take_number(r, TRACE_THREADS, &r->thread_left) || thread >= TRACE_THREADS_MAX ||
            r->thread_left == 0 || r->thread_left > r->left)
            return false;
        r->thread = (uint32_t)thread;
        if (thread >= r->threads)
            r->threads = thread + 1;
    }
    r->thread_left--;
    return true;
}

static bool take_event(struct trace_reader *r, struct trace_event *event) {
    uint64_t op, align_log2 = 0;
    *event = (struct trace_event){.number = r->next_event};
    if (!take_thread(r) || !take_byte(r, TRACE_OP, &op) || op >= TRACE_OPS)
        return false;
    event->thread = r->thread;
    event->op = (enum trace_op)op;
    if (trace_op_acquires(event->op) &&
        (!take_number(r, TRACE_SIZES, &event->size) || event->size >= TRACE_SIZE_LIMIT))
        return false;
    if (op == TRACE_ALIGNED && (!take_byte(r, TRACE_ALIGNS, &align_log2) || align_log2 > 62))
        return false;
    event->alignment = (uint64_t)1 << align_log2;
    if (trace_op_releases(event->op) &&
        (!take_number(r, TRACE_BACKS, &event->back) || event->back > event->number))
        return false;
    return true;
}

/* After the last event of a chunk nothing may be left over but the marks, which only Python reads.
 */
static bool columns_are_used_up(const struct trace_reader *r) {
    for (int i = 0; i < TRACE_MARKS; i++)
        if (r->columns[i].at != r->columns[i].end)
            return false;
    return r->thread_left == 0;
}

bool trace_next(struct trace_reader *r, struct trace_event *event) {
    while (r->left == 0)
        if (r->has_end || trace_failed(r) || !next_chunk(r))
            return false;
    if (!take_event(r, event)) {
        r->left = 0;
        return refuse(r, "event %llu makes no sense", (unsigned long long)r->next_event);
    }
    r->next_event++;
    if (--r->left == 0 && !columns_are_used_up(r))
        return refuse(r, "the columns hold more than the events of the chunk");
    return true;
}

bool trace_failed(const struct trace_reader *r) {
    return r->error->text[0] != '\0';
}

const struct trace_totals *trace_totals(const struct trace_reader *r) {
    return &r->totals;
}

void trace_rewind(struct trace_reader *r) {
    r->offset = sizeof(struct trace_head);
    r->next_event = 0;
    r->left = 0;
    r->threads = 0;
    r->has_meta = r->has_end = false;
    r->error->text[0] = '\0';
}

static bool map_file(struct trace_reader *r) {
    struct stat status;
    int fd = open(r->path, O_RDONLY | O_CLOEXEC);
    void *memory = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size > 0)
        memory = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && memory == MAP_FAILED && status.st_size == 0)
        return refuse(r, "the file is empty");
    if (memory == MAP_FAILED) {
        snprintf(r->error->text, sizeof r->error->text, "%s: %s", r->path, strerror(error));
        return false;
    }
    r->file = memory;
    r->bytes = (size_t)status.st_size;
    return true;
}

static bool check_file_head(struct trace_reader *r) {
    struct trace_head head;
    if (r->bytes < sizeof head)
        return refuse(r, "too short for a trace");
    memcpy(&head, r->file, sizeof head);
    if (head.magic != TRACE_MAGIC)
        return refuse(r, "this is no allocation trace");
    if (crc32(0, (const void *)&head, offsetof(struct trace_head, crc)) != head.crc)
        return refuse(r, "the checksum of the head is wrong: the file is damaged");
    if (head.version != TRACE_VERSION)
        return refuse(r, "version %u of the format; this program reads %d", head.version,
                      TRACE_VERSION);
    return true;
}

struct trace_reader *trace_open(const char *path, struct trace_error *error) {
    error->text[0] = '\0';
    struct trace_reader *r =
        mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (r == MAP_FAILED) {
        snprintf(error->text, sizeof error->text, "%s: no memory to read it", path);
        return NULL;
    }
    r->path = path;
    r->error = error;
    if (!map_file(r) || !check_file_head(r)) {
        trace_close(r);
        return NULL;
    }
    trace_rewind(r);
    return r;
}

void trace_close(struct trace_reader *r) {
    if (r->file)
        munmap((void *)(uintptr_t)r->file, r->bytes);
    munmap(r, sizeof *r);
}
