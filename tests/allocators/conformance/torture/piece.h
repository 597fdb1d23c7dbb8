/* One live block of the torture: made by any entry point, checked, resized, freed to match. */
#ifndef TORTURE_PIECE_H
#define TORTURE_PIECE_H

#include <stddef.h>
#include <stdint.h>

/* How a block was made decides how it may be freed. */
enum family { FAMILY_C, FAMILY_NEW, FAMILY_NEW_ARRAY, FAMILY_NEW_ALIGNED };

struct piece {
    unsigned char *start; /* NULL: no block */
    size_t size;          /* as asked for */
    size_t usable;
    size_t alignment;
    uint64_t stamp;
    enum family family;
};

/* Calls by entry point, for the report: X(name). */
#define TORTURE_ENTRIES(X)                                                                         \
    X(malloc)                                                                                      \
    X(calloc)                                                                                      \
    X(realloc)                                                                                     \
    X(reallocarray)                                                                                \
    X(posix_memalign)                                                                              \
    X(aligned_alloc)                                                                               \
    X(memalign)                                                                                    \
    X(valloc)                                                                                      \
    X(pvalloc)                                                                                     \
    X(operator_new)                                                                                \
    X(operator_new_aligned)                                                                        \
    X(free)                                                                                        \
    X(free_sized)                                                                                  \
    X(operator_delete)                                                                             \
    X(malloc_trim)                                                                                 \
    X(mallinfo2)

#define TORTURE_ENTRY_ENUM(name) ENTRY_##name,
enum entry { TORTURE_ENTRIES(TORTURE_ENTRY_ENUM) ENTRY_COUNT };
extern const char *const entry_names[ENTRY_COUNT];

/* What one thread needs to act: its generator, and how often it called what. */
struct player {
    uint64_t random;
    size_t largest; /* alignment */
    uint64_t calls[ENTRY_COUNT];
};

/* Prints what went wrong and how to replay it, then aborts; torture.c defines it. */
__attribute__((noreturn, format(printf, 1, 2))) void torture_fail(const char *format, ...);

/* Finds the entry points that not every libc has (C++ operators, free_sized); call once. */
void entries_find(void);

/* Has slotmalloc check its invariants; does nothing under another allocator. */
void invariants_check(void);

/* Makes a block of `size` bytes by a random entry point, claims its bytes, fills all of them. */
struct piece piece_make(struct player *player, size_t size);

/* Fails unless all that was written into the block is still there. */
void piece_check(const struct piece *piece);

/* Checks, then resizes by realloc or reallocarray; the new part is filled. C family only. */
void piece_resize(struct player *player, struct piece *piece, size_t size);

/* Checks, then frees by a random entry point that matches the family; does nothing for no block. */
void piece_free(struct player *player, struct piece *piece);

#endif
