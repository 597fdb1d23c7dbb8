/* The layout of a pool, which all its processes share.
 *
 *   header      page 0, written once by the creator, covered by a checksum
 *   pool        page 1: the frontier, hints, counters of processes that have left
 *   processes   one cache line per entry of the process table: its process's identity
 *   lanes       one page per entry: the counters of its process
 *   states      one word per slot, ordered so that neighbours do not share a cache line
 *   smalls      one cache line per slot: the states of its blocks, if they are few
 *   maps        bitmaps over slots: free ones, per class those with room, and what is backed
 *   side        2 KiB per slot: the states of its blocks, if they are many
 *   data        the slots, 64 KiB each, which hold blocks and nothing else
 *
 *   slot      64 KiB of data: unused, holding small blocks of one class, or part of a slot run
 *   slot run  neighbouring slots that make one large block: a head, then bodies
 *   tag       a process, as written into states: 2 + its index in the process table
 *
 * Two kinds of data are AUTHORITATIVE: one 64-bit state per slot and one 16-bit state per block,
 * each changed by a compare-and-swap from one meaning to the next. Everything else (maps, low
 * marks, lanes, counters) is a HINT: losing one costs time and never a block. There is no lock and
 * no list, so a killed process leaves no data structure inconsistent.
 *
 * BACKED means that the file has memory or disk blocks there, so that a touch cannot fail:
 * back.c. */
#pragma once
#include "base/classes.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    SLOT_SHIFT = 16,
    SLOT_BYTES = 1 << SLOT_SHIFT,
    PAGE_BYTES = 4096,
    LINE_BYTES = 64,
    INLINE_BLOCKS = 28, /* block states in the slot's own entry */
    SIDE_BLOCKS =
        SLOT_BYTES / 64, /* block states in a side table: the capacity of the smallest class */
    LANES = 64, /* sets of counters and current slots per process; threads spread over them */
    SHARED_LANE = LANES - 1, /* of the threads that found no other lane free */
    MAX_PROCESSES = 1024,
    FREE_MAP = 0, /* map 1 + class: slots of that class with room and without an owner */
    DATA_BACKED_MAP = 1 + CLASS_COUNT, /* slots whose data is backed; a clear bit means unknown */
    SIDE_BACKED_MAP,                   /* slots whose side table is backed */
    MAPS,
    GROUP_SLOTS = PAGE_BYTES / 8,       /* slots whose states fill a page */
    MAP_GROUP_WORDS = GROUP_SLOTS / 64, /* a cache line */
    DATA_ALIGNMENT = 1 << 21,
    LAYOUT_VERSION = 2,
};

#define LAYOUT_MAGIC   UINT64_C(0x414e455241204d53) /* "SM ARENA" */
#define MAX_POOL_BYTES (UINT64_C(1) << 44)

/* ---- block states: 16 bits ---- */
enum {
    BLOCK_SEALED = 0, /* not a block: the slot is not open. New memory has this value. */
    BLOCK_FREE = 1,
    BLOCK_PENDING = 1 << 15, /* with a tag: taken, but not returned to a caller yet */
    TAG_FIRST = 2,
    TAG_POOL = 0x7fff, /* allocated, and owned by no process */
};

/* ---- slot states: kind 8 | class 8 | owner tag 16 | argument 32 ---- */
enum slot_kind {
    SLOT_UNUSED,   /* all its block states are SEALED */
    SLOT_OPENING,  /* the owner is making its blocks FREE, for the class */
    SLOT_SMALL,    /* open; owner: the process that allocates from it, or 0 */
    SLOT_SEALING,  /* the owner is sealing every block, to make it UNUSED */
    SLOT_CLAIMING, /* head of a slot run that the owner is taking; argument: slots */
    SLOT_RUN,      /* head of an allocated slot run of the owner; argument: slots */
    SLOT_FREEING,  /* head of a slot run that the owner is freeing; argument: slots */
    SLOT_BODY,     /* of a slot run; argument: the index of its head */
};

static inline uint64_t slot_word(enum slot_kind kind, unsigned class, unsigned owner,
                                 uint32_t argument) {
    return (uint64_t)kind << 56 | (uint64_t) class << 48 | (uint64_t)owner << 32 | argument;
}
static inline enum slot_kind word_kind(uint64_t word) {
    return (enum slot_kind)(word >> 56);
}
static inline unsigned word_class(uint64_t word) {
    return word >> 48 & 0xff;
}
static inline unsigned word_owner(uint64_t word) {
    return word >> 32 & 0xffff;
}
static inline uint32_t word_argument(uint64_t word) {
    return (uint32_t)word;
}

/* ---- process identities: kind 2 | pid 22 | pid namespace 16 | start time or number 24, in
 * one word, so that one store changes all ---- */
enum process_kind {
    PROCESS_NONE,
    /* known by its pid and start time */
    PROCESS_LIVE,
    /* dead; the process whose tag is in place of the pid reclaims its leftovers */
    PROCESS_RECLAIMED,
    /* holds the lock of its entry until it ends; has a random number in place of the start time, so
     * that a process that attaches again gets a new identity */
    PROCESS_PRESENT,
};

static inline uint64_t process_word(enum process_kind kind, uint32_t pid, unsigned namespace,
                                    uint32_t start) {
    return (uint64_t)kind << 62 | (uint64_t)(pid & 0x3fffff) << 40 |
           (uint64_t)(namespace & 0xffff) << 24 | (start & 0xffffff);
}
static inline enum process_kind word_process_kind(uint64_t word) {
    return (enum process_kind)(word >> 62);
}
/* Whether an entry belongs to a process that was not found dead. */
static inline bool word_is_member(uint64_t word) {
    return word_process_kind(word) == PROCESS_LIVE || word_process_kind(word) == PROCESS_PRESENT;
}
static inline uint32_t word_pid(uint64_t word) {
    return word >> 40 & 0x3fffff;
}

struct header {
    uint64_t magic;
    uint32_t version, header_bytes;
    uint64_t total_bytes, data_offset, slot_count;
    uint32_t slot_bytes, max_processes, classes, lanes;
    uint64_t alignment;  /* least alignment of a block */
    uint64_t fixed_base; /* where every process maps the pool, or 0 */
    uint64_t id;
    uint32_t flags;      /* of enum shm_arena_flags */
    uint32_t huge_shift; /* log2 of its hugetlb page, or 0 */
    uint8_t reserved[PAGE_BYTES - 96];
    uint64_t checksum; /* FNV-1a of all before */
};
_Static_assert(sizeof(struct header) == PAGE_BYTES, "the header is page 0, whole");

/* One line each: a counter of a lane. */
#define LANE_COUNTERS(X)                                                                           \
    X(allocated_count) X(allocated_bytes) X(freed_count) X(freed_bytes) X(failed_count)

struct lane {
#define LANE_FIELD(name) _Atomic uint64_t name;
    LANE_COUNTERS(LANE_FIELD)
#undef LANE_FIELD
} __attribute__((aligned(LINE_BYTES)));

struct map_low {
    _Atomic uint32_t word; /* hint: no bit is set in words before this one */
} __attribute__((aligned(LINE_BYTES)));

struct pool {
    _Atomic uint64_t frontier
        __attribute__((aligned(LINE_BYTES))); /* slots at and after it were never used */
    _Atomic uint64_t prepared; /* states, smalls and maps of the groups before it are backed */
    _Atomic uint64_t used_slots __attribute__((aligned(LINE_BYTES)));
    _Atomic uint64_t peak_slots;
    _Atomic uint64_t recovered_processes, recovered_blocks;
    struct lane departed; /* counters of processes that have left */
    struct map_low low[MAPS];
    uint8_t reserved[PAGE_BYTES - LINE_BYTES * (3 + MAPS)];
};
_Static_assert(sizeof(struct pool) == PAGE_BYTES, "the mutable globals fill page 1");

struct process {
    _Atomic uint64_t identity __attribute__((aligned(LINE_BYTES)));
};

struct process_lanes {
    struct lane lane[LANES];
};
_Static_assert(sizeof(struct process_lanes) == PAGE_BYTES,
               "backed as a whole, when a process joins");

/* What a slot of small blocks has besides its state. */
struct small_slot {
    _Atomic uint16_t in_use; /* hint: a block that was allocated when last read */
    _Atomic uint16_t freed;  /* hint: blocks freed since the slot has no owner */
    uint32_t reserved;
    _Atomic uint16_t blocks[INLINE_BLOCKS]; /* states, if there are no more than these */
} __attribute__((aligned(LINE_BYTES)));
_Static_assert(sizeof(struct small_slot) == LINE_BYTES, "a cache line per slot");

/* Where the parts of a pool begin, in bytes from its start. */
struct geometry {
    uint64_t slot_count, groups; /* of GROUP_SLOTS; the last may be cut */
    uint32_t max_processes;
    uint64_t processes, lanes, states, smalls, maps, side, data, total;
};

/* Computes the geometry of a pool. Both counts must be within the limits above. */
struct geometry geometry_of(uint64_t slot_count, uint32_t max_processes);

/* FNV-1a, 64 bits, of the header before its checksum (Fowler, Noll and Vo; RFC 9923). */
uint64_t header_checksum(const struct header *header);

/* Fills a header for a new pool. */
void header_write(struct header *header, const struct geometry *geometry, uint64_t alignment,
                  unsigned flags);

/* Checks a private copy of a header, also against the size of its file. Returns SHM_ARENA_OK or the
 * reason for refusing it. */
int header_check(const struct header *header, uint64_t file_bytes);
