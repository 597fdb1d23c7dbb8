/* Size classes: 16 B steps to 256, 8 per doubling to 1 KiB, 4 per doubling to 32 KiB. */
#ifndef SLOTMALLOC_CLASSES_H
#define SLOTMALLOC_CLASSES_H

#include "base/types.h"

struct class_info {
    uint32_t size;       /* bytes of a block */
    uint32_t reciprocal; /* ceil(2^32 / size) */
    uint32_t capacity;   /* blocks in a slot or span */
    uint8_t span;        /* slots in it */
    uint8_t coarse;      /* the class that this one borrows its first blocks from */
    uint8_t wake;        /* frees that make a full slot available */
    uint8_t magazine;    /* blocks in a full magazine */
};

extern struct class_info classes[CLASS_COUNT];

/* Class of a size, by granules of 16 B. Zero (class 0) until classes_init has run, which is
 * harmless: no heap with a non-empty bin exists before that. */
extern uint8_t class_table[CLASS_MAX_BYTES / GRANULE + 1];

/* Fills both tables. Called once, before the first heap. */
void classes_init(void);

/* Class that holds `bytes` (at most CLASS_MAX_BYTES). */
static inline unsigned class_of(size_t bytes) {
    return class_table[(bytes + GRANULE - 1) / GRANULE];
}

/* Smallest class that holds `bytes` and whose blocks are all aligned to `align` (a power of two of
 * at most CLASS_MAX_BYTES); CLASS_COUNT when there is none. Spans start at multiples of 64 KiB, so
 * a block size that is a multiple of the alignment is enough. */
unsigned class_of_aligned(size_t bytes, size_t align);

#endif
