/*
 * One table: sizes 0, 1, a page, 2^k and 2^k +- 1 up to 1 GiB, and such as no machine has, times
 * alignments from 1 B to 1 GiB, through every entry point. Of each block: it overlaps no other live
 * one, it is aligned, its usable size is enough, and its first and last bytes keep what was
 * written.
 */
#include "support.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#ifndef TORTURE_ENTRY_PREFIX
#    define OPERATORS_ARE_TESTED
#endif

enum { POWERS = 31, SIZES_MOST = 3 * POWERS + 8, LIVE = 16, EDGE = 16 };
static const size_t zeroed_most = (size_t)256 << 20; /* calloc may have to write all of it */

typedef void *allocate_function(size_t alignment, size_t size);

static void *by_malloc(size_t alignment, size_t size) {
    (void)alignment;
    return malloc(size);
}
static void *by_calloc(size_t alignment, size_t size) {
    (void)alignment;
    return calloc(1, size);
}
static void *by_calloc_of_bytes(size_t alignment, size_t size) {
    (void)alignment;
    return calloc(size, 1);
}
static void *by_realloc(size_t alignment, size_t size) {
    (void)alignment;
    return realloc(NULL, size);
}
static void *by_reallocarray(size_t alignment, size_t size) {
    (void)alignment;
    return reallocarray(NULL, size, 1);
}
static void *by_valloc(size_t alignment, size_t size) {
    (void)alignment;
    return valloc(size);
}
static void *by_pvalloc(size_t alignment, size_t size) {
    (void)alignment;
    return pvalloc(size);
}
static void *by_posix_memalign(size_t alignment, size_t size) {
    void *block = NULL;
    errno = posix_memalign(&block, alignment < sizeof block ? sizeof block : alignment, size);
    return block;
}

struct entry {
    const char *name;
    allocate_function *allocate;
    bool takes_alignment;
    size_t alignment; /* what it promises by itself */
};

static struct entry entries[20] = {
    {"malloc", by_malloc, false, 1},
    {"calloc", by_calloc, false, 1},
    {"calloc of bytes", by_calloc_of_bytes, false, 1},
    {"realloc", by_realloc, false, 1},
    {"reallocarray", by_reallocarray, false, 1},
    {"valloc", by_valloc, false, 4096},
    {"pvalloc", by_pvalloc, false, 4096},
    {"memalign", memalign, true, 1},
    {"aligned_alloc", aligned_alloc, true, 1},
    {"posix_memalign", by_posix_memalign, true, 1},
};
static size_t entry_count = 10;

#ifdef OPERATORS_ARE_TESTED
/* The nothrow operators by their mangled names, where the process has them. */
static void *(*new_one)(size_t, const void *);
static void *(*new_array)(size_t, const void *);
static void *(*new_aligned)(size_t, size_t, const void *);
static void *(*new_array_aligned)(size_t, size_t, const void *);

static void *by_new(size_t alignment, size_t size) {
    (void)alignment;
    return new_one(size, "");
}
static void *by_new_array(size_t alignment, size_t size) {
    (void)alignment;
    return new_array(size, "");
}
static void *by_new_aligned(size_t alignment, size_t size) {
    return new_aligned(size, alignment, "");
}
static void *by_new_array_aligned(size_t alignment, size_t size) {
    return new_array_aligned(size, alignment, "");
}

static void add_operator(const char *symbol, void *place, allocate_function *allocate,
                         bool aligned) {
    void *found = dlsym(RTLD_DEFAULT, symbol);
    if (found == NULL) {
        return;
    }
    memcpy(place, &found, sizeof found);
    entries[entry_count++] = (struct entry){symbol, allocate, aligned, 1};
}

static void find_operators(void) {
    add_operator("_ZnwmRKSt9nothrow_t", &new_one, by_new, false);
    add_operator("_ZnamRKSt9nothrow_t", &new_array, by_new_array, false);
    add_operator("_ZnwmSt11align_val_tRKSt9nothrow_t", &new_aligned, by_new_aligned, true);
    add_operator("_ZnamSt11align_val_tRKSt9nothrow_t", &new_array_aligned, by_new_array_aligned,
                 true);
}
#endif

static struct {
    unsigned char *start;
    size_t size;
    size_t usable;
} live[LIVE];
static size_t turn;

static void edges_write(size_t i) {
    size_t edge = live[i].usable < EDGE ? live[i].usable : EDGE;
    memset(live[i].start, (int)(i + 1), edge);
    memset(live[i].start + live[i].usable - edge, (int)(i + 1), edge);
}

static bool edges_hold(size_t i) {
    size_t edge = live[i].usable < EDGE ? live[i].usable : EDGE;
    return is_filled_with(live[i].start, edge, (unsigned char)(i + 1)) &&
           is_filled_with(live[i].start + live[i].usable - edge, edge, (unsigned char)(i + 1));
}

static void give_back(size_t i) {
    if (live[i].start != NULL) {
        assert_true(edges_hold(i));
        free(live[i].start);
        live[i].start = NULL;
    }
}

/* An empty block counts as a byte: two of them must differ. */
static bool overlaps(size_t i, const unsigned char *start, size_t bytes) {
    size_t theirs = live[i].usable > 0 ? live[i].usable : 1;
    return live[i].start != NULL && start < live[i].start + theirs && live[i].start < start + bytes;
}

static void check_fault(const struct entry *entry, size_t alignment, size_t size,
                        const char *what) {
    fail_msg("%s: alignment %zu, size %zu: %s", entry->name, alignment, size, what);
}

static void take(const struct entry *entry, size_t alignment, size_t size) {
    size_t i = turn++ % LIVE;
    give_back(i);
    unsigned char *start = entry->allocate(alignment, size);
    if (start == NULL) {
        check_fault(entry, alignment, size, "NULL");
    }
    size_t promised = alignment > entry->alignment ? alignment : entry->alignment;
    size_t usable = malloc_usable_size(start);
    if ((uintptr_t)start % promised != 0) {
        check_fault(entry, alignment, size, "not aligned");
    }
    if (usable < size) {
        check_fault(entry, alignment, size, "usable size too small");
    }
    for (size_t j = 0; j < LIVE; j++) {
        if (overlaps(j, start, usable > 0 ? usable : 1)) {
            check_fault(entry, alignment, size, "overlaps a live block");
        }
    }
    live[i].start = start;
    live[i].size = size;
    live[i].usable = usable;
    edges_write(i);
}

static size_t sizes[SIZES_MOST];
static size_t size_count;

static void sizes_fill(void) {
    sizes[size_count++] = 0;
    sizes[size_count++] = (size_t)sysconf(_SC_PAGESIZE);
    for (unsigned power = 0; power < POWERS; power++) {
        size_t size = (size_t)1 << power;
        sizes[size_count++] = size - 1;
        sizes[size_count++] = size;
        sizes[size_count++] = size + 1;
    }
}

static bool is_calloc(const struct entry *entry) {
    return strncmp(entry->name, "calloc", 6) == 0;
}

static void take_twice(const struct entry *entry, size_t alignment, size_t size) {
    if (is_calloc(entry) && size > zeroed_most) {
        return;
    }
    take(entry, alignment, size);
    take(entry, alignment, size);
}

static void every_size_at_every_alignment_is_a_block_of_its_own(void **state) {
    (void)state;
    for (size_t e = 0; e < entry_count; e++) {
        for (size_t s = 0; s < size_count; s++) {
            unsigned alignments = entries[e].takes_alignment ? POWERS : 1;
            for (unsigned power = 0; power < alignments; power++) {
                take_twice(&entries[e], (size_t)1 << power, sizes[s]);
            }
        }
    }
    for (size_t i = 0; i < LIVE; i++) {
        give_back(i);
    }
}

static void reallocation_from_every_size_to_none_and_back(void **state) {
    (void)state;
    for (size_t s = 0; s < size_count && sizes[s] <= zeroed_most; s++) {
        unsigned char *block = malloc(sizes[s]);
        assert_non_null(block);
        size_t kept = sizes[s] < EDGE ? sizes[s] : EDGE;
        memset(block, 7, kept);
        block = realloc(block, sizes[s] + 1);
        assert_non_null(block);
        assert_true(is_filled_with(block, kept, 7));
        block = realloc(block, 1);
        assert_non_null(block);
        assert_true(kept == 0 || block[0] == 7);
        assert_null(realloc(block, 0));
    }
}

static const size_t impossible[] = {(size_t)PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1, SIZE_MAX - 4096,
                                    SIZE_MAX - 1, SIZE_MAX};

static void sizes_beyond_all_memory_fail_with_enomem(void **state) {
    (void)state;
    for (size_t e = 0; e < entry_count; e++) {
        for (size_t s = 0; s < sizeof impossible / sizeof *impossible; s++) {
            unsigned alignments = entries[e].takes_alignment ? POWERS : 1;
            for (unsigned power = 0; power < alignments; power++) {
                size_t alignment = (size_t)1 << power, size = opaque_size(impossible[s]);
                errno = 0;
                if (entries[e].allocate(alignment, size) != NULL) {
                    check_fault(&entries[e], alignment, size, "not NULL");
                }
                if (errno != ENOMEM) {
                    check_fault(&entries[e], alignment, size, "errno is not ENOMEM");
                }
            }
        }
    }
}

static void a_reallocation_beyond_all_memory_keeps_the_block(void **state) {
    (void)state;
    for (size_t s = 0; s < size_count; s++) {
        unsigned char *block = malloc(sizes[s]);
        assert_non_null(block);
        size_t kept = sizes[s] < EDGE ? sizes[s] : EDGE;
        memset(block, 7, kept);
        for (size_t i = 0; i < sizeof impossible / sizeof *impossible; i++) {
            errno = 0;
            assert_null(realloc(opaque(block), opaque_size(impossible[i])));
            assert_int_equal(errno, ENOMEM);
            errno = 0;
            assert_null(reallocarray(opaque(block), opaque_size(impossible[i]), 2));
            assert_int_equal(errno, ENOMEM);
        }
        assert_true(is_filled_with(block, kept, 7));
        free(block);
    }
}

static int table_is_ready(void **state) {
    sizes_fill();
#ifdef OPERATORS_ARE_TESTED
    find_operators();
#endif
    return provider_is_expected(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_at_every_alignment_is_a_block_of_its_own),
        cmocka_unit_test(reallocation_from_every_size_to_none_and_back),
        cmocka_unit_test(sizes_beyond_all_memory_fail_with_enomem),
        cmocka_unit_test(a_reallocation_beyond_all_memory_keeps_the_block),
    };
    return cmocka_run_group_tests(tests, table_is_ready, NULL);
}
