/* The handle: one process's private view of a pool. Every value that an address is computed from is
 * copied here when the pool is attached, so that a peer that corrupts the pool cannot make this
 * process access memory outside of its mapping. */
#pragma once
#include "base/crash_point.h"
#include "base/file.h"
#include "base/layout.h"

/* For each class, the slot that a lane allocates from: slot + 1 in the upper half, the next block
 * to try in the lower. Private, and a hint: a wrong value costs time only. */
struct lane_private {
    _Atomic uint64_t current[CLASS_COUNT];
} __attribute__((aligned(LINE_BYTES)));

/* The values of shm_arena_huge_pages(). */
enum huge_use { HUGE_NONE, HUGE_ADVISED, HUGE_TLB };

struct shm_arena {
    struct shm_arena_view view; /* first: the public translation reads it */
    struct pool *pool;
    _Atomic uint64_t *states; /* see slot_state() */
    struct small_slot *smalls;
    struct process *processes;
    struct process_lanes *lanes_of;
    _Atomic uint64_t *maps;
    _Atomic uint16_t *side;
    struct geometry geometry;
    uint64_t alignment;
    unsigned flags;
    unsigned pid_namespace; /* of this process, as in identities */
    _Atomic uint32_t me; /* this process's tag; 0 before it joined, and again in a forked child */

    /* The last sweep in vain, for any slots and for backed ones: frees so far << 16 | slots
     * wanted */
    _Atomic uint64_t swept[2];

    /* When dead processes were last looked for, in ns of the coarse clock */
    _Atomic uint64_t dead_looked_at;

    int fd; /* of the pool's file, unless the program has closed it: see `file` */
    struct file_identity file;
    int huge;            /* of enum huge_use */
    _Atomic int refusal; /* why the last attempt to join failed */
    enum shm_arena_backend backend;
    uint64_t map_bytes;             /* length of the mapping */
    uint64_t page_bytes;            /* of its pages, if huge, or PAGE_BYTES */
    void *presence;                 /* the page that keeps the entry's lock, or NULL */
    char *name;                     /* "" for a memfd */
    struct shm_arena *_Atomic next; /* all handles of this process */
    struct lane_private lanes[LANES];
};

/* The state of a slot. Within a page of 512 states, slots 64 apart are neighbours: a slot run's
 * states then lie on one page, and slots that different processes work on do not share a cache
 * line. */
static inline _Atomic uint64_t *slot_state(const struct shm_arena *a, uint64_t slot) {
    return &a->states[(slot & ~UINT64_C(511)) | (slot & 63) << 3 | (slot >> 6 & 7)];
}

/* Changes a slot from one state to another; false if it was in a third. */
static inline bool slot_change(struct shm_arena *a, uint64_t slot, uint64_t from, uint64_t to) {
    CRASH_POINT();
    bool won = atomic_compare_exchange_strong(slot_state(a, slot), &from, to);
    CRASH_POINT();
    return won;
}

/* Whether slots of a class keep their block states in a side table. */
static inline bool class_has_side(unsigned class) {
    return size_classes[class].capacity > INLINE_BLOCKS;
}

/* States of a slot's blocks. */
static inline _Atomic uint16_t *slot_blocks(const struct shm_arena *a, uint64_t slot,
                                            unsigned class) {
    return class_has_side(class) ? a->side + slot * SIDE_BLOCKS : a->smalls[slot].blocks;
}

static inline uint64_t slot_offset(const struct shm_arena *a, uint64_t slot) {
    return a->view.first + (slot << SLOT_SHIFT);
}

static inline bool word_is_open(uint64_t word) {
    return (word_kind(word) == SLOT_SMALL || word_kind(word) == SLOT_SEALING ||
            word_kind(word) == SLOT_OPENING) &&
           word_class(word) < CLASS_COUNT;
}

/* Whether a block state says allocated, and to whom. */
static inline bool block_is_allocated(unsigned state) {
    return state >= TAG_FIRST && !(state & BLOCK_PENDING);
}

/* The length of a slot run in slots, from the state of its head, limited to the end of the pool. */
static inline uint64_t slot_run_length(const struct shm_arena *a, uint64_t slot, uint64_t word) {
    uint64_t length = word_argument(word), room = a->geometry.slot_count - slot;
    return length < 1 ? 1 : length > room ? room : length;
}

/* The frontier, limited to the end of the pool. */
static inline uint64_t pool_frontier(const struct shm_arena *a) {
    uint64_t frontier = atomic_load_explicit(&a->pool->frontier, memory_order_acquire);
    return frontier < a->geometry.slot_count ? frontier : a->geometry.slot_count;
}

static inline size_t arena_alignment(const struct shm_arena *a, size_t alignment) {
    return alignment > a->alignment ? alignment : a->alignment;
}
