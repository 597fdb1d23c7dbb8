#include "shadow.h"

#include "../support.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

/* Bits lie in leaves of 64 MiB of address space each, which appear when first touched. */
enum { GRAIN_BITS = 3, WORD_BITS = 6, LEAF_BITS = 26, ADDRESS_BITS = 48 };
enum { LEAF_WORDS = 1 << (LEAF_BITS - GRAIN_BITS - WORD_BITS) };
typedef _Atomic uint64_t shadow_word;
static _Atomic(shadow_word *) leaves[1 << (ADDRESS_BITS - LEAF_BITS)];

static shadow_word *leaf_of(uintptr_t address) {
    _Atomic(shadow_word *) *place = &leaves[address >> LEAF_BITS];
    shadow_word *leaf = atomic_load_explicit(place, memory_order_acquire);
    if (leaf != NULL) {
        return leaf;
    }
    size_t bytes = LEAF_WORDS * sizeof *leaf;
    shadow_word *fresh = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    require(fresh != MAP_FAILED);
    if (atomic_compare_exchange_strong(place, &leaf, fresh)) {
        return fresh;
    }
    munmap((void *)fresh, bytes);
    return leaf;
}

static bool bits_claim(shadow_word *word, uint64_t bits) {
    return (atomic_fetch_or_explicit(word, bits, memory_order_relaxed) & bits) == 0;
}

static bool bits_release(shadow_word *word, uint64_t bits) {
    return (atomic_fetch_and_explicit(word, ~bits, memory_order_relaxed) & bits) == bits;
}

static bool for_each_word(const void *start, size_t bytes, bool (*visit)(shadow_word *, uint64_t)) {
    uintptr_t grain = (uintptr_t)start >> GRAIN_BITS;
    uintptr_t end = ((uintptr_t)start + bytes + 7) >> GRAIN_BITS;
    bool fine = true;
    while (grain < end) {
        unsigned first = grain % 64;
        uintptr_t count = end - grain < 64 - first ? end - grain : 64 - first;
        uint64_t bits = (count == 64 ? ~UINT64_C(0) : (UINT64_C(1) << count) - 1) << first;
        shadow_word *leaf = leaf_of(grain << GRAIN_BITS);
        fine &= visit(&leaf[(grain >> WORD_BITS) % LEAF_WORDS], bits);
        grain += count;
    }
    return fine;
}

bool shadow_claim(const void *start, size_t bytes) {
    return for_each_word(start, bytes, bits_claim);
}

bool shadow_release(const void *start, size_t bytes) {
    return for_each_word(start, bytes, bits_release);
}
