/* The trace file, as docs/trace-format.md describes it: a head, then chunks, each with a checksum
 * of its own. All numbers are little-endian. */
#pragma once
#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "traces are read and written in place");

enum { TRACE_VERSION = 1, TRACE_CHUNK_EVENTS = 65536, TRACE_THREADS_MAX = 1 << 20 };

static const uint64_t TRACE_MAGIC = 0x6563617274636c61u; /* "alctrace" */
static const uint32_t TRACE_CHUNK_MAGIC = 0x6b636c62u;   /* "blck" */
static const uint64_t TRACE_SIZE_LIMIT = 1ull << 40;     /* no block of a program is as large */

struct trace_head {
    uint64_t magic;
    uint32_t version;
    uint32_t crc; /* CRC-32 of the twelve bytes before */
};

enum trace_kind {
    TRACE_META = 1,   /* JSON about the recorded program; the first chunk, once */
    TRACE_EVENTS = 2, /* up to TRACE_CHUNK_EVENTS events in columns */
    TRACE_END = 3, /* struct trace_totals; the last chunk, once: without it the file is cut off */
};

struct trace_chunk_head {
    uint32_t magic;
    uint32_t kind;
    uint64_t first_event; /* number of the first event, counted from 0 over the whole trace */
    uint32_t events;
    uint32_t packed;   /* bytes that follow, compressed by zlib */
    uint32_t unpacked; /* bytes they become */
    uint32_t crc;      /* CRC-32 of this head up to here and of the packed bytes */
};

/* What the program did, in the order of struct trace_columns below. */
enum trace_op {
    TRACE_MALLOC = 0,
    TRACE_CALLOC = 1,
    TRACE_ALIGNED = 2,
    TRACE_REALLOC = 3,    /* ends one object and makes the next; a back of 0 is realloc(NULL, n) */
    TRACE_FREE = 4,       /* a back of 0 is free(NULL) */
    TRACE_INHERITED = 5,  /* existed when the process was forked, and is freed by it later */
    TRACE_THREAD_END = 6, /* the thread's last event; threads without one live until the end */
    TRACE_OPS = 7,
};

static inline int trace_op_acquires(enum trace_op op) {
    return op <= TRACE_REALLOC || op == TRACE_INHERITED;
}

static inline int trace_op_releases(enum trace_op op) {
    return op == TRACE_REALLOC || op == TRACE_FREE;
}

/* An EVENTS chunk, unpacked, is six uint32 lengths in bytes and then the columns: */
enum trace_column {
    TRACE_THREADS, /* LEB128 pairs: thread (from 0), number of consecutive events of it */
    TRACE_OP,      /* one byte an event: enum trace_op */
    TRACE_SIZES,   /* LEB128 for each event that acquires: bytes asked for */
    TRACE_ALIGNS,  /* one byte for each TRACE_ALIGNED: log2 of the alignment */
    TRACE_BACKS, /* LEB128 for each event that releases: its number less that of the acquisition */
    TRACE_MARKS, /* LEB128 pairs: place in the chunk, nanoseconds since the program's start */
    TRACE_COLUMNS,
};

/* The END chunk: what a reader may rely on after the check of the file, and how complete the
 * recording is. */
struct trace_totals {
    uint64_t events, threads, acquires, releases; /* releases without those of NULL */
    uint64_t live_peak_bytes, live_peak_objects;
    uint64_t duration_ns; /* 0: unknown, the program was killed */
    uint64_t inherited;   /* TRACE_INHERITED events */
    uint64_t refused;     /* requests that the allocator answered with NULL; they are not events */
    uint64_t lost;        /* events that found no room in the raw file */
    uint64_t torn;   /* numbers drawn but not written: operations under way when the process died */
    uint64_t unseen; /* frees that showed only when the address was handed out again */
    uint64_t unknown; /* frees of addresses that nobody had acquired; they are not events */
};
