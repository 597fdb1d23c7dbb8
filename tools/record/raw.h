/* The raw file: written by the recorder while the program runs, and converted into traces by
 * `alloc-record` afterwards.
 *
 * There is one file per program image (what exec starts). It is mapped shared, so the kernel keeps
 * its content if the process crashes. Forked children inherit the mapping and write to the same
 * file: they need no descriptor, path or permission, so a child that has changed its user or root
 * directory, or has no descriptor left, is recorded like any other.
 *
 * The file is sparse: a page with its head, then pieces that processes and threads claim in turn. A
 * piece is a page that describes a process, or a chunk of events of one thread: a three-word head
 * and events; the first word of an event is stored last, so a word that is still zero ends the
 * chunk.
 *
 * The order: each event draws a number from one counter of the process. A free draws it BEFORE the
 * real free, a malloc AFTER the real malloc, a realloc does both. So in the order of the numbers an
 * address is always freed before it is allocated again, and allocated before it is freed, by
 * whichever threads. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

enum {
    RAW_HEAD_BYTES = 4096,
    RAW_PROCESS_BYTES = 4096,
    RAW_CHUNK_MIN = 4096,       /* pieces are multiples of this */
    RAW_CHUNK_MAX = 256 * 1024, /* a thread's chunks grow fourfold up to this */
    RAW_CHUNK_WORDS = 3, /* chunk head: thread << 32 | bytes, CLOCK_MONOTONIC in ns, offset of the
                            page of the process */
    RAW_COMMAND_BYTES = 2048,
};

static const uint64_t RAW_MAGIC = 0x323077617274616cu; /* "latraw02" */

/* What the first word says: op in bits 0-3, log2 of the alignment in bits 4-9, the event's number
 * above. */
enum raw_op {
    RAW_MALLOC = 1,         /* 3 words: head, address, size; also operator new */
    RAW_CALLOC = 2,         /* 3 words; size is the product */
    RAW_ALIGNED = 3,        /* 3 words: the memalign family, with the alignment */
    RAW_FREE = 4,           /* 2 words: head, address (0: free(NULL)) */
    RAW_REALLOC_BEGIN = 5,  /* 2 words: a realloc begins, its old address */
    RAW_REALLOC = 6,        /* 3 words: it ended, the new address and size; if there is no
                           REALLOC_BEGIN before it, the old address was NULL */
    RAW_REALLOC_FAILED = 7, /* 2 words: it failed, the old address stays valid */
    RAW_THREAD_END = 8, /* 2 words: head with the number reached by then, CLOCK_MONOTONIC in ns */
};

enum { RAW_OP_BITS = 4, RAW_ALIGN_BITS = 6, RAW_SEQ_SHIFT = RAW_OP_BITS + RAW_ALIGN_BITS };

static inline uint64_t raw_word(enum raw_op op, unsigned align_log2, uint64_t seq) {
    return seq << RAW_SEQ_SHIFT | (uint64_t)align_log2 << RAW_OP_BITS | (uint64_t)op;
}

static inline enum raw_op raw_op_of(uint64_t word) {
    return (enum raw_op)(word & ((1u << RAW_OP_BITS) - 1));
}

static inline unsigned raw_align_of(uint64_t word) {
    return (unsigned)(word >> RAW_OP_BITS) & ((1u << RAW_ALIGN_BITS) - 1);
}

static inline uint64_t raw_seq_of(uint64_t word) {
    return word >> RAW_SEQ_SHIFT;
}

static inline unsigned raw_words_of(enum raw_op op) {
    return op <= RAW_ALIGNED || op == RAW_REALLOC ? 3 : 2;
}

struct raw_head {
    uint64_t magic;
    _Alignas(
        64) _Atomic uint64_t claimed; /* bytes of the file that are claimed, this page included */
};
_Static_assert(sizeof(struct raw_head) <= RAW_HEAD_BYTES, "the head has one page");

struct raw_process {
    _Atomic uint64_t head;         /* RAW_PROCESS_BYTES as of a chunk of thread 0; stored last */
    uint64_t started_ns;           /* CLOCK_REALTIME */
    uint64_t started_monotonic_ns; /* the same moment, on the clock of the chunks */
    uint64_t ended_ns;             /* CLOCK_MONOTONIC at exit; 0: killed, or left by _exit */
    uint64_t fork_seq; /* the counter at the fork: the first event here has the next number */
    uint64_t parent; /* offset of the page of the process that forked this one; 0: begun by exec */
    uint32_t pid;
    uint32_t parent_pid;
    char allocator[256]; /* path of the object whose malloc was called */
    uint32_t command_bytes;
    char command[RAW_COMMAND_BYTES];    /* argv, NUL between the words */
    _Alignas(64) _Atomic uint64_t lost; /* events not written: there was no room */
    _Atomic uint64_t refused;           /* requests for which the allocator returned NULL */
    _Atomic uint32_t threads;           /* threads seen so far; they are named 1, 2, ... */
};
_Static_assert(sizeof(struct raw_process) <= RAW_PROCESS_BYTES, "a process has one page");
