/* What lies at an address. Blocks have no headers: an address gives the number of its slot, the
 * slot's ident says whose it is and of which class, and one multiplication tells whether a block
 * starts there. */
#ifndef SLOTMALLOC_LOCATE_H
#define SLOTMALLOC_LOCATE_H

#include "base/classes.h"
#include "memory/arena.h"
#include "memory/slot.h"

/* True when blocks start `offset` bytes from the start of a slot or span; `reciprocal` is ceil(2^32
 * / block size). */
static inline bool locate_is_start(uint32_t offset, uint32_t reciprocal) {
    return offset * reciprocal < reciprocal;
}

/* The slot (first of its span) of a block of a size class. */
static inline struct slot *locate_slot(const struct block *block) {
    uint32_t number = slot_number(block);
    return &arena.slots[number - ident_delta(ident_read(number))];
}

/* The slot of a block of `heap` whose class is below `end` and has no spans; NULL for anything
 * else. */
static inline struct slot *locate_own(const struct heap *heap, const void *p, unsigned end) {
    uintptr_t offset = (uintptr_t)p - arena.base;
    if (unlikely(offset >= arena_extent()))
        return NULL;
    uintptr_t number = offset >> SLOT_SHIFT;
    uint64_t class = ident_read(number) - (uintptr_t)heap;
    if (unlikely(class >= end)) /* one comparison: another heap's slot, or no small class */
        return NULL;
    struct slot *slot = &arena.slots[number]; /* the owner's line: nobody else may touch it */
    uint32_t in_slot = (uint32_t)((uintptr_t)p % SLOT_SIZE); /* the arena is aligned to more */
    return likely(locate_is_start(in_slot, slot->reciprocal)) ? slot : NULL;
}

/* True for a block of `heap` whose class has a magazine. */
static inline bool locate_own_larger(const struct heap *heap, const void *p, unsigned *class) {
    uintptr_t offset = (uintptr_t)p - arena.base;
    if (unlikely(offset >= arena_extent()))
        return false;
    const uint64_t most = IDENT_CLASS_MASK | IDENT_DELTA_MASK << IDENT_DELTA_SHIFT;
    uint64_t own = ident_read(offset >> SLOT_SHIFT) - (uintptr_t)heap; /* class, and delta */
    *class = own & IDENT_CLASS_MASK;
    if (unlikely(own > most || *class < MAGAZINE_FROM))
        return false;
    uint32_t in_span = (uint32_t)(offset % SLOT_SIZE) | ident_delta(own) << SLOT_SHIFT;
    return locate_is_start(in_span, classes[*class].reciprocal);
}

/* A block of any size and owner. */
struct located {
    const char *problem; /* why there is none; NULL: there is one */
    uint64_t ident;
    uint32_t slot; /* its first slot */
};

static inline struct located locate(const void *p) {
    if (unlikely(!arena_has(p)))
        return (struct located){.problem = "not a pointer from slotmalloc:"};
    uint32_t number = slot_number(p);
    uint64_t ident = ident_read(number);
    bool start = ident != 0 && (uintptr_t)p % SLOT_SIZE == 0;
    if (likely(ident > HEAP_ALIGN)) {
        number -= ident_delta(ident);
        uint32_t in_span = (uint32_t)((uintptr_t)p - (uintptr_t)slot_address(number));
        start = locate_is_start(in_span, classes[ident_class(ident)].reciprocal);
    }
    if (unlikely(!start))
        return (struct located){.problem = "not the start of a block:"};
    return (struct located){NULL, ident, number};
}

#endif
