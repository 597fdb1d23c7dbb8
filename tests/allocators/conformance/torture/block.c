#include "block.h"

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
 * every page, and the last TAIL bytes, so that a step costs about the same for every size.
 */
enum { WHOLE = 2048, PAGE = 4096, TAIL = 64 };

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
} found;

static void find(void *place, const char *name) {
    void *symbol = dlsym(RTLD_DEFAULT, name);
    memcpy(place, &symbol, sizeof symbol);
}

void entries_find(void) {
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

static void content_write(const struct block *block) {
    size_t head = block->usable < WHOLE ? block->usable : WHOLE;
    pattern_fill(block->start, head, block->stamp);
    for (size_t offset = PAGE; offset + 8 + TAIL <= block->usable; offset += PAGE) {
        pattern_fill(block->start + offset, sizeof(uint64_t), block->stamp + offset);
    }
    if (block->usable >= WHOLE + TAIL) {
        pattern_fill(block->start + block->usable - TAIL, TAIL, ~block->stamp);
    }
}

/* True when the first `kept` bytes at `start` are what content_write(block) wrote. */
static bool content_holds(const unsigned char *start, size_t kept, const struct block *block) {
    bool holds = pattern_holds(start, kept < WHOLE ? kept : WHOLE, block->stamp);
    for (size_t offset = PAGE; offset + 8 + TAIL <= block->usable && offset + 8 <= kept;
         offset += PAGE) {
        holds &= pattern_holds(start + offset, sizeof(uint64_t), block->stamp + offset);
    }
    if (kept == block->usable && kept >= WHOLE + TAIL) {
        holds &= pattern_holds(start + kept - TAIL, TAIL, ~block->stamp);
    }
    return holds;
}

void block_check(const struct block *block) {
    if (malloc_usable_size(block->start) != block->usable) {
        torture_fail("the usable size of %p changed from %zu to %zu", (void *)block->start,
                     block->usable, malloc_usable_size(block->start));
    }
    if (!content_holds(block->start, block->usable, block)) {
        torture_fail("lost content: %zu of %zu bytes at %p", block->size, block->usable,
                     (void *)block->start);
    }
}

/* Takes a block into the shadow map: it must be there, aligned, large enough and nobody else's. */
static void block_accept(struct player *player, struct block *block) {
    if (block->start == NULL) {
        torture_fail("NULL for %zu bytes aligned to %zu", block->size, block->alignment);
    }
    size_t natural = block->size >= 16 ? 16 : 8;
    size_t alignment = block->alignment > natural ? block->alignment : natural;
    if ((uintptr_t)block->start % alignment != 0) {
        torture_fail("%p is not aligned to %zu", (void *)block->start, alignment);
    }
    block->usable = malloc_usable_size(block->start);
    if (block->usable < block->size) {
        torture_fail("%zu usable bytes for %zu", block->usable, block->size);
    }
    if (!shadow_claim(block->start, block->usable)) {
        torture_fail("overlap: %zu bytes at %p", block->usable, (void *)block->start);
    }
    block->stamp = random_next(&player->random);
    content_write(block);
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

/* Allocates by a drawn C entry point; sets the alignment that the block must have. */
static enum entry make_by_c(uint64_t word, struct block *block) {
    enum entry entry = draw(word % 32);
    size_t alignment = (size_t)8 << (word >> 16) % ((word >> 8) % 16 == 0 ? 18 : 8);
    size_t size = block->size;
    if (entry == ENTRY_valloc || entry == ENTRY_pvalloc) {
        block->alignment = PAGE;
        block->start = (entry == ENTRY_valloc ? valloc : pvalloc)(size);
    } else if (entry == ENTRY_posix_memalign) {
        block->alignment = alignment;
        block->start = make_posix(alignment, size);
    } else if (entry == ENTRY_aligned_alloc || entry == ENTRY_memalign) {
        block->alignment = alignment;
        block->start = (entry == ENTRY_memalign ? memalign : aligned_alloc)(alignment, size);
    } else if (entry == ENTRY_calloc) {
        block->start = make_zeroed(size);
    } else if (entry == ENTRY_realloc) {
        block->start = realloc(NULL, size);
    } else if (entry == ENTRY_reallocarray) {
        block->start = reallocarray(NULL, 1, size);
    } else {
        block->start = malloc(size);
    }
    return entry;
}

static enum entry make_by_operator(uint64_t word, struct block *block) {
    switch (word % 3) {
    case 0:
        block->family = FAMILY_NEW;
        block->start = found.new_plain(block->size);
        return ENTRY_operator_new;
    case 1:
        block->family = FAMILY_NEW_ARRAY;
        block->start = found.new_array(block->size);
        return ENTRY_operator_new;
    default:
        block->family = FAMILY_NEW_ALIGNED;
        block->alignment = (size_t)16 << (word >> 16) % 9;
        block->start = found.new_aligned(block->size, block->alignment);
        return ENTRY_operator_new_aligned;
    }
}

struct block block_make(struct player *player, size_t size) {
    struct block block = {.size = size, .alignment = 1};
    uint64_t word = random_next(&player->random);
    bool by_operator = found.delete_aligned != NULL && word % 8 == 0;
    enum entry entry = (by_operator ? make_by_operator : make_by_c)(word >> 3, &block);
    player->calls[entry]++;
    block_accept(player, &block);
    return block;
}

void block_resize(struct player *player, struct block *block, size_t size) {
    block_check(block);
    if (!shadow_release(block->start, block->usable)) {
        torture_fail("the shadow of %p was not whole", (void *)block->start);
    }
    struct block old = *block;
    bool as_array = random_next(&player->random) % 4 == 0;
    player->calls[as_array ? ENTRY_reallocarray : ENTRY_realloc]++;
    block->start = as_array ? reallocarray(old.start, 1, size) : realloc(old.start, size);
    block->size = size;
    block->alignment = 1;
    if (block->start != NULL &&
        !content_holds(block->start, size < old.usable ? size : old.usable, &old)) {
        torture_fail("realloc from %zu to %zu lost content at %p", old.size, size,
                     (void *)block->start);
    }
    block_accept(player, block);
}

static enum entry free_by_c(uint64_t word, struct block *block) {
    if (word % 4 == 0 && found.free_sized != NULL && block->alignment == 1) {
        found.free_sized(block->start, block->size);
        return ENTRY_free_sized;
    }
    if (word % 4 == 0 && found.free_aligned_sized != NULL && block->alignment < PAGE) {
        found.free_aligned_sized(block->start, block->alignment, block->size);
        return ENTRY_free_sized;
    }
    free(block->start);
    return ENTRY_free;
}

static enum entry free_by_operator(uint64_t word, struct block *block) {
    bool sized = word % 2;
    if (block->family == FAMILY_NEW_ALIGNED) {
        found.delete_aligned(block->start, block->alignment);
    } else if (block->family == FAMILY_NEW) {
        sized ? found.delete_sized(block->start, block->size) : found.delete_plain(block->start);
    } else {
        sized ? found.delete_array_sized(block->start, block->size)
              : found.delete_array(block->start);
    }
    return ENTRY_operator_delete;
}

void block_free(struct player *player, struct block *block) {
    if (block->start == NULL) {
        return;
    }
    block_check(block);
    if (!shadow_release(block->start, block->usable)) {
        torture_fail("the shadow of %p was not whole", (void *)block->start);
    }
    uint64_t word = random_next(&player->random);
    bool by_operator = block->family != FAMILY_C;
    player->calls[(by_operator ? free_by_operator : free_by_c)(word, block)]++;
    *block = (struct block){0};
}
