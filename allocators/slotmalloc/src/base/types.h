/* The structures of slotmalloc and its terms.
 *
 * Glossary
 *   arena      the address range of all blocks. It is not reserved: parts are mapped as they are
 *              needed. The metadata arrays are below it.
 *   superslab  2 MiB of the arena, aligned: 32 slots. Its number is its offset / 2 MiB.
 *   slot       64 KiB of the arena, aligned. Its number is its offset / 64 KiB; number 0 is
 *              never used, so 0 means "none". UNUSED, CURRENT, FULL, AVAILABLE or EMPTY.
 *   region     64 superslabs (128 MiB of addresses), one word of the index. Belongs to a zone once
 *              some of it is mapped.
 *   zone       the regions whose memory is used alike: dense, sparse and large; see enum zone.
 *   mapped     of a superslab: its addresses are mapped.
 *   known      of a superslab: mapped, and its slots are in use or can be found by the index.
 *   span       1 to 4 adjacent slots that hold blocks of one size class as if they were one slot.
 *   block      one allocation. The first word of a free block links to the next one.
 *   class      a block size. Up to 8 KiB ("small") they live in one slot, up to 32 KiB in spans.
 *   slot run   1 to 32 adjacent slots that hold one block (32 KiB to 2 MiB).
 *   huge       of a block above 2 MiB: in slots from the start of a superslab on.
 *   heap       the slots and free blocks of one thread. When the thread ends, it is parked, and
 *              given to a later thread. With the option pool=cpu, those of one CPU, which each call
 *              borrows.
 *   bin        a heap's list of free blocks of a class, from which malloc pops; taken from one slot,
 *              the CURRENT one.
 *   magazine   freed blocks of a larger class that stay on the bin, for the next malloc.
 *   owner      the heap that a slot belongs to; only its thread touches the `struct slot`.
 *   remote     a free by a thread that is not the owner; it goes through `struct remote`.
 *   warm       of an unused slot: it is probably backed by memory. cold: it is not. */
#ifndef SLOTMALLOC_TYPES_H
#define SLOTMALLOC_TYPES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counters.h"
#include "base/tuning.h"

#define SLOT_SHIFT          16
#define SLOT_SIZE           ((size_t)1 << SLOT_SHIFT)
#define SUPERSLAB_SHIFT     21
#define SUPERSLAB_SIZE      ((size_t)1 << SUPERSLAB_SHIFT)
#define SLOTS_PER_SUPERSLAB 32
#define CACHE_LINE          64
#define HEAP_ALIGN          4096

#define GRANULE             16
#define CLASS_COUNT         52
#define SMALL_CLASS_COUNT   44 /* classes of one slot: up to 8 KiB */
#define CLASS_MAX_BYTES     32768
#define SMALL_MAX_BYTES     8192
#define SLOT_RUN_MAX_BYTES  SUPERSLAB_SIZE

#define likely(x)           __builtin_expect(!!(x), 1)
#define unlikely(x)         __builtin_expect(!!(x), 0)

/* Status of the low layers; only the entry layer turns it into errno. */
enum status { OK = 0, NO_MEMORY = 1 };

/* A free block. */
struct block {
    struct block *next;
};

enum slot_state {
    SLOT_UNUSED = 0,    /* belongs to its superslab */
    SLOT_CURRENT = 1,   /* the bin was filled from it */
    SLOT_FULL = 2,      /* on no list: no free blocks; AVAILABLE after `countdown` frees */
    SLOT_AVAILABLE = 3, /* in its class's queue */
    SLOT_EMPTY = 4,     /* every block free; kept by the owner */
    SLOT_RUN = 5,
    SLOT_HUGE = 6,
};

/* What `ident[slot]` says: owner heap's address | class, or one of the two constants below, which
 * have no owner. Later slots of a span carry their distance to the first one. 0: not the start of
 * anything. */
#define IDENT_CLASS_MASK  0xffu
#define IDENT_DELTA_SHIFT 8
#define IDENT_DELTA_MASK  0x3u
#define IDENT_OWNER_MASK  (~(uint64_t)(HEAP_ALIGN - 1))
#define IDENT_SLOT_RUN    0xfeu
#define IDENT_HUGE        0xffu

/* The owner's part of a slot (of the first one of a span): no other thread reads or writes it. */
struct slot {
    struct block *free;       /* blocks that the owner freed or adopted */
    uint32_t countdown;       /* frees until the next event; the only count on the fast path */
    uint32_t reciprocal;      /* ceil(2^32 / block_size): see locate_is_start */
    uint32_t countdown_start; /* the last value that `countdown` was set to */
    uint32_t avail;           /* blocks on `free` when `countdown` was last set */
    uint32_t used;       /* carved blocks not on `free` at that time (the bin's count as used) */
    uint32_t carved;     /* blocks made so far */
    uint32_t capacity;   /* blocks that fit */
    uint32_t block_size; /* bytes */
    uint32_t next, prev; /* links of the list that the slot is on; 0 ends it */
    uint8_t state;       /* enum slot_state */
    uint8_t class;       /* size class */
    uint8_t span;        /* slots in the span or slot run: 1 to 32 */
    uint8_t zero;        /* nothing beyond `carved` was written since the kernel cleared it */
    uint32_t padding;
    size_t bytes; /* slot run, huge block: usable bytes */
};

/* The part that other threads write. `word` packs {first block, count, QUEUED}; see remote.h. */
struct remote {
    _Alignas(CACHE_LINE) _Atomic uint64_t word;
    uint32_t pending_next; /* link in the owner's pending stack */
};

/* One superslab; all fields under the supply lock. Bit i is slot i. */
struct superslab {
    uint32_t used;      /* slots taken */
    uint32_t warm;      /* of the unused: probably backed by memory; of the used: meaningless */
    uint32_t zero;      /* of the unused: known to read as zero */
    uint32_t purged;    /* given back by a purge and not taken since: taking one is a refault */
    uint32_t touched_s; /* coarse seconds when a slot last became unused */
    uint32_t huge_page; /* advised for huge pages */
    uint32_t leaving;   /* warm slots that a purge has claimed and not purged yet */
    uint32_t reserved[9];
};

/* A region. Bit i is superslab i. All under the supply lock. The first fields are for growth; the
 * others are derived from the superslabs: which ones have at least 2^level adjacent unused slots.
 */
#define REGION_SUPERSLABS 64
#define INDEX_LEVELS      6
struct superslab_index {
    _Atomic uint64_t known; /* also read without the lock */
    uint64_t mapped;
    uint64_t blocked;              /* another mapping of the process is there */
    _Atomic uint64_t zone;         /* enum zone + 1; 0: of none yet */
    uint64_t unused[INDEX_LEVELS]; /* partly used superslabs */
    uint64_t warm[INDEX_LEVELS];   /* the same, counting warm slots only; empty ones included */
    uint64_t empty;                /* known and wholly unused superslabs */
    uint64_t reserved[7];
};

/* Blocks to be sent to one slot of another heap. */
struct sender {
    struct block *head, *tail;
    uint32_t slot; /* 0: entry is free */
    uint32_t count;
};

/* A heap's slots of one class. Slot numbers; 0 is none. */
struct class_pool {
    uint32_t current;    /* slot that the bin was filled from */
    uint32_t queue_head; /* AVAILABLE slots, first in first out */
    uint32_t queue_tail;
    uint32_t fresh; /* slot with room to carve, when it is not the current one */
    uint32_t empty; /* EMPTY slots, last in first out */
    uint16_t empty_count;
    uint16_t borrowed; /* blocks borrowed from a coarser class */
    uint32_t slots;    /* ACTIVE slots (spans) of the class */
};

/* Only its thread (pool=cpu: the holder of its lock) uses it, except for `pending`. */
struct heap {
    _Alignas(HEAP_ALIGN) struct block *bin[CLASS_COUNT];
    uint64_t bin_zero;        /* bit c: blocks of bin c are zero beyond their link */
    uint64_t surplus;         /* bit c: class c holds more than one EMPTY slot */
    uint32_t ticks;           /* slow paths since the last housekeeping */
    uint32_t empty_slots;     /* EMPTY slots (not spans) held */
    uint32_t sender_bytes;    /* bytes in `sender` */
    uint32_t sender_next;     /* entry of `sender` that is sent next */
    uint32_t undrained;       /* slots taken off `pending` whose chains are not adopted yet */
    uint32_t cpu_number;      /* pool=cpu: its number in cpu.c */
    struct heap *parked_next; /* link of the list of parked heaps */
    bool parked;              /* on that list, in a consistent state */
    bool torn;                /* its thread was interrupted by fork: recover.h, before it is used */
    struct class_pool pool[CLASS_COUNT];
    struct sender sender[SENDER_ENTRIES];
    struct counters counters;
    struct block *bin_seen[CLASS_COUNT - MAGAZINE_FROM]; /* at the last sweep; see magazine.h */
    _Alignas(CACHE_LINE) _Atomic uint32_t pending; /* slots with remote frees: lock-free stack */
};

/* Parts of the arena, by how their memory is likely to be touched.
 *   dense   slots of small classes of which a heap has several: all but the last are in use, and
 *           huge pages pay
 *   sparse  a heap's first slots of a class, and slots of larger blocks
 *   large   slot runs and huge blocks, of which a program may touch little
 * When one is exhausted, slots of another are taken. */
enum zone { ZONE_DENSE, ZONE_SPARSE, ZONE_LARGE, ZONES };

/* One thread writes it while others compare pointers with it. */
#ifdef __SANITIZE_THREAD__
typedef _Atomic size_t arena_extent_t;
#else
typedef size_t arena_extent_t;
#endif

/* The addresses of all arrays; except for `extent`, written once, before the first heap exists. */
struct arena {
    uintptr_t base;                /* 2 MiB aligned */
    arena_extent_t extent;         /* bytes from base whose `ident` can be read; only grows */
    _Atomic uint64_t *ident;       /* by slot number */
    struct slot *slots;            /* by slot number */
    struct remote *remote;         /* by slot number */
    struct superslab *superslabs;  /* by superslab number */
    struct superslab_index *index; /* by superslab number / 64 */
    struct heap *heaps;            /* heap_limit of them at most, taken in order */
    uint32_t heap_limit;
    uint32_t limit; /* superslab numbers are below it */
};

extern struct arena arena;

_Static_assert(sizeof(struct slot) == CACHE_LINE, "one line for the owner");
_Static_assert(sizeof(struct remote) == CACHE_LINE, "one line for the others");
_Static_assert(sizeof(struct superslab) == CACHE_LINE, "one line per superslab");
_Static_assert(sizeof(struct superslab_index) == 3 * CACHE_LINE, "three lines per region");
_Static_assert(sizeof(struct heap) == HEAP_ALIGN, "a heap is one page");
_Static_assert(CLASS_COUNT <= 64, "bin_zero has a bit for every class");
_Static_assert(SLOTS_PER_SUPERSLAB == SUPERSLAB_SIZE / SLOT_SIZE, "slots fill a superslab");

static inline uint32_t slot_number(const void *p) {
    return (uint32_t)(((uintptr_t)p - arena.base) >> SLOT_SHIFT);
}

static inline char *slot_address(uint32_t number) {
    return (char *)(arena.base + ((uintptr_t)number << SLOT_SHIFT));
}

static inline uint32_t slot_to_number(const struct slot *slot) {
    return (uint32_t)(slot - arena.slots);
}

#endif
