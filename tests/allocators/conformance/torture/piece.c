#include "piece.h"

#include "../support.h"
#include "shadow.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_NAME(name) #name,
const char *const entry_names[ENTRY_COUNT] = {TORTURE_ENTRIES(ENTRY_NAME)};

/*
 * Blocks up to WHOLE bytes are stamped whole; of larger ones the first WHOLE bytes, a word in
 * every page of the first PAGED bytes, and the last TAIL bytes, so that a step costs about the same
 * for every size.
 */
enum { WHOLE = 2048, PAGE = 4096, TAIL = 64, PAGED = 16 << 20 };

/* calloc may have to write all of a block, and is checked in all of it: not of larger ones. */
static const size_t zeroed_most = (size_t)64 << 20;

/* The operators by their mangled names: a C++ library or the allocator brings them, or nobody. */
static struct {
    void *(*new_plain)(size_t);
    void *(*new_array)(size_t);
    void *(*new_aligned)(size_t, size_t);
    void (*delete_plain)(void *);
    void (*delete_sized)(void *, size_t);
    void (*delete_array)(void *);
    void (*delete_array_sized)(void *, size_t);
    void (*delete_aligned)(void *, size_t);
    void (*free_sized)(void *, size_t);
    void (*free_aligned_sized)(void *, size_t, size_t);
    int (*slotmalloc_check)(void);
} found;

static void find(void *place, const char *name) {
    void *symbol = dlsym(RTLD_DEFAULT, name);
    memcpy(place, &symbol, sizeof symbol);
}

void entries_find(void) {
    find(&found.slotmalloc_check, "slotmalloc_check");
#ifdef TORTURE_ENTRY_PREFIX
    find(&found.free_sized, TORTURE_ENTRY_PREFIX "free_sized");
    find(&found.free_aligned_sized, TORTURE_ENTRY_PREFIX "free_aligned_sized");
#else
    find(&found.free_sized, "free_sized");
    find(&found.free_aligned_sized, "free_aligned_sized");
    find(&found.new_plain, "_Znwm");
    find(&found.new_array, "_Znam");
    find(&found.new_aligned, "_ZnwmSt11align_val_t");
    find(&found.delete_plain, "_ZdlPv");
    find(&found.delete_sized, "_ZdlPvm");
    find(&found.delete_array, "_ZdaPv");
    find(&found.delete_array_sized, "_ZdaPvm");
    find(&found.delete_aligned, "_ZdlPvSt11align_val_t");
#endif
}

void invariants_check(void) {
    if (found.slotmalloc_check != NULL && !found.slotmalloc_check()) {
        torture_fail("the allocator finds an invariant of its own broken");
    }
}

static size_t paged(const struct piece *piece) {
    return piece->usable < PAGED ? piece->usable : PAGED;
}

static void content_write(const struct piece *piece) {
    size_t head = piece->usable < WHOLE ? piece->usable : WHOLE;
    pattern_fill(piece->start, head, piece->stamp);
    for (size_t offset = PAGE; offset + 8 + TAIL <= paged(piece); offset += PAGE) {
        pattern_fill(piece->start + offset, sizeof(uint64_t), piece->stamp + offset);
    }
    if (piece->usable >= WHOLE + TAIL) {
        pattern_fill(piece->start + piece->usable - TAIL, TAIL, ~piece->stamp);
    }
}

/* True when the first `kept` bytes at `start` are what content_write(piece) wrote. */
static bool content_holds(const unsigned char *start, size_t kept, const struct piece *piece) {
    bool holds = pattern_holds(start, kept < WHOLE ? kept : WHOLE, piece->stamp);
    for (size_t offset = PAGE; offset + 8 + TAIL <= paged(piece) && offset + 8 <= kept;
         offset += PAGE) {
        holds &= pattern_holds(start + offset, sizeof(uint64_t), piece->stamp + offset);
    }
    if (kept == piece->usable && kept >= WHOLE + TAIL) {
        holds &= pattern_holds(start + kept - TAIL, TAIL, ~piece->stamp);
    }
    return holds;
}

void piece_check(const struct piece *piece) {
    if (malloc_usable_size(piece->start) != piece->usable) {
        torture_fail("the usable size of %p changed from %zu to %zu", (void *)piece->start,
                     piece->usable, malloc_usable_size(piece->start));
    }
    if (!content_holds(piece->start, piece->usable, piece)) {
        torture_fail("lost content: %zu of %zu bytes at %p", piece->size, piece->usable,
                     (void *)piece->start);
    }
}

/* Takes a block into the shadow map: it must be there, aligned, large enough and nobody else's. */
static void piece_accept(struct player *player, struct piece *piece) {
    if (piece->start == NULL) {
        torture_fail("NULL for %zu bytes aligned to %zu", piece->size, piece->alignment);
    }
    size_t natural = piece->size >= 16 ? 16 : 8;
    size_t alignment = piece->alignment > natural ? piece->alignment : natural;
    if ((uintptr_t)piece->start % alignment != 0) {
        torture_fail("%p is not aligned to %zu", (void *)piece->start, alignment);
    }
    piece->usable = malloc_usable_size(piece->start);
    if (piece->usable < piece->size) {
        torture_fail("%zu usable bytes for %zu", piece->usable, piece->size);
    }
    if (!shadow_claim(piece->start, piece->usable)) {
        torture_fail("overlap: %zu bytes at %p", piece->usable, (void *)piece->start);
    }
    piece->stamp = random_next(&player->random);
    content_write(piece);
}

static void *make_zeroed(size_t size) {
    size_t parts = size % 8 == 0 ? 8 : 1;
    void *start = calloc(parts, size / parts);
    if (start != NULL && !is_filled_with(start, size, 0)) {
        torture_fail("calloc gave dirty memory: %zu bytes at %p", size, start);
    }
    return start;
}

static void *make_posix(size_t alignment, size_t size) {
    void *start = NULL;
    int code = posix_memalign(&start, alignment, size);
    return code == 0 ? start : NULL;
}

/* How often each C entry point is drawn, of 32. */
static const unsigned char weights[ENTRY_COUNT] = {
    [ENTRY_malloc] = 14,        [ENTRY_calloc] = 6,   [ENTRY_realloc] = 2,
    [ENTRY_reallocarray] = 2,   [ENTRY_memalign] = 2, [ENTRY_aligned_alloc] = 2,
    [ENTRY_posix_memalign] = 2, [ENTRY_valloc] = 1,   [ENTRY_pvalloc] = 1,
};

static enum entry draw(unsigned ticket) {
    unsigned entry = 0;
    while (ticket >= weights[entry]) {
        ticket -= weights[entry++];
    }
    return entry;
}

/* Mostly up to 1 KiB, sometimes up to 1 MiB, rarely up to the largest. */
static size_t draw_alignment(uint64_t word, size_t largest) {
    bool rare = (word >> 8) % 16 == 0, rarest = (word >> 8) % 256 == 0;
    unsigned most = rarest ? 28 : rare ? 18 : 8;
    size_t alignment = (size_t)8 << (word >> 16) % most;
    return alignment < largest ? alignment : largest;
}

/* Allocates by a drawn C entry point; sets the alignment that the block must have. */
static enum entry make_by_c(uint64_t word, struct piece *piece, size_t largest) {
    enum entry entry = draw(word % 32);
    size_t alignment = draw_alignment(word, largest);
    size_t size = piece->size;
    if (entry == ENTRY_calloc && size > zeroed_most) {
        entry = ENTRY_malloc;
    }
    if (entry == ENTRY_valloc || entry == ENTRY_pvalloc) {
        piece->alignment = PAGE;
        piece->start = (entry == ENTRY_valloc ? valloc : pvalloc)(size);
    } else if (entry == ENTRY_posix_memalign) {
        piece->alignment = alignment;
        piece->start = make_posix(alignment, size);
    } else if (entry == ENTRY_aligned_alloc || entry == ENTRY_memalign) {
        piece->alignment = alignment;
        piece->start = (entry == ENTRY_memalign ? memalign : aligned_alloc)(alignment, size);
    } else if (entry == ENTRY_calloc) {
        piece->start = make_zeroed(size);
    } else if (entry == ENTRY_realloc) {
        piece->start = realloc(NULL, size);
    } else if (entry == ENTRY_reallocarray) {
        piece->start = reallocarray(NULL, 1, size);
    } else {
        piece->start = malloc(size);
    }
    return entry;
}

static enum entry make_by_operator(uint64_t word, struct piece *piece, size_t largest) {
    switch (word % 3) {
    case 0:
        piece->family = FAMILY_NEW;
        piece->start = found.new_plain(piece->size);
        return ENTRY_operator_new;
    case 1:
        piece->family = FAMILY_NEW_ARRAY;
        piece->start = found.new_array(piece->size);
        return ENTRY_operator_new;
    default:
        piece->family = FAMILY_NEW_ALIGNED;
        piece->alignment = 2 * draw_alignment(word, largest / 2);
        piece->start = found.new_aligned(piece->size, piece->alignment);
        return ENTRY_operator_new_aligned;
    }
}

struct piece piece_make(struct player *player, size_t size) {
    struct piece piece = {.size = size, .alignment = 1};
    uint64_t word = random_next(&player->random);
    bool by_operator = found.delete_aligned != NULL && word % 8 == 0;
    enum entry entry =
        (by_operator ? make_by_operator : make_by_c)(word >> 3, &piece, player->largest);
    player->calls[entry]++;
    piece_accept(player, &piece);
    return piece;
}

void piece_resize(struct player *player, struct piece *piece, size_t size) {
    piece_check(piece);
    if (!shadow_release(piece->start, piece->usable)) {
        torture_fail("the shadow of %p was not whole", (void *)piece->start);
    }
    struct piece old = *piece;
    bool as_array = random_next(&player->random) % 4 == 0;
    player->calls[as_array ? ENTRY_reallocarray : ENTRY_realloc]++;
    piece->start = as_array ? reallocarray(old.start, 1, size) : realloc(old.start, size);
    piece->size = size;
    piece->alignment = 1;
    if (piece->start != NULL &&
        !content_holds(piece->start, size < old.usable ? size : old.usable, &old)) {
        torture_fail("realloc from %zu to %zu lost content at %p", old.size, size,
                     (void *)piece->start);
    }
    piece_accept(player, piece);
}

static enum entry free_by_c(uint64_t word, struct piece *piece) {
    if (word % 4 == 0 && found.free_sized != NULL && piece->alignment == 1) {
        found.free_sized(piece->start, piece->size);
        return ENTRY_free_sized;
    }
    if (word % 4 == 0 && found.free_aligned_sized != NULL && piece->alignment < PAGE) {
        found.free_aligned_sized(piece->start, piece->alignment, piece->size);
        return ENTRY_free_sized;
    }
    free(piece->start);
    return ENTRY_free;
}

static enum entry free_by_operator(uint64_t word, struct piece *piece) {
    bool sized = word % 2;
    if (piece->family == FAMILY_NEW_ALIGNED) {
        found.delete_aligned(piece->start, piece->alignment);
    } else if (piece->family == FAMILY_NEW) {
        sized ? found.delete_sized(piece->start, piece->size) : found.delete_plain(piece->start);
    } else {
        sized ? found.delete_array_sized(piece->start, piece->size)
              : found.delete_array(piece->start);
    }
    return ENTRY_operator_delete;
}

void piece_free(struct player *player, struct piece *piece) {
    if (piece->start == NULL) {
        return;
    }
    piece_check(piece);
    if (!shadow_release(piece->start, piece->usable)) {
        torture_fail("the shadow of %p was not whole", (void *)piece->start);
    }
    uint64_t word = random_next(&player->random);
    bool by_operator = piece->family != FAMILY_C;
    player->calls[(by_operator ? free_by_operator : free_by_c)(word, piece)]++;
    *piece = (struct piece){0};
}
