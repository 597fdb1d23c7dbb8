/* Every power of two up to 1 MiB as an alignment, through every entry point that takes one. */
#include "support.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const size_t largest_alignment = (size_t)1 << 20;

static void *by_posix_memalign(size_t alignment, size_t size) {
    void *block = NULL;
    assert_int_equal(posix_memalign(&block, alignment, size), 0);
    return block;
}

static void check_aligned(void *(*allocate)(size_t, size_t), size_t alignment, size_t size) {
    enum { NEIGHBOURS = 3 };
    void *blocks[NEIGHBOURS];
    for (size_t i = 0; i < NEIGHBOURS; i++) {
        blocks[i] = allocate(alignment, size);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % alignment, 0);
        assert_true(malloc_usable_size(blocks[i]) >= size);
        pattern_fill(blocks[i], malloc_usable_size(blocks[i]), i);
    }
    for (size_t i = 0; i < NEIGHBOURS; i++) {
        assert_true(pattern_holds(blocks[i], malloc_usable_size(blocks[i]), i));
        free(blocks[i]);
    }
}

static void every_alignment_holds_for_many_sizes(void **state) {
    (void)state;
    static const size_t sizes[] = {1,    24,    100,   500,    1100,   4096,
                                   9000, 33000, 70000, 300000, 2100000};
    for (size_t alignment = sizeof(void *); alignment <= largest_alignment; alignment *= 2) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            check_aligned(memalign, alignment, sizes[i]);
            check_aligned(aligned_alloc, alignment, sizes[i]);
            check_aligned(by_posix_memalign, alignment, sizes[i]);
        }
    }
}

static void very_large_alignments_hold(void **state) {
    (void)state;
    for (size_t alignment = 2 * largest_alignment; alignment <= (size_t)64 << 20; alignment *= 2) {
        void *block = memalign(alignment, 100);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % alignment, 0);
        pattern_fill(block, 100, alignment);
        free(block);
    }
}

static void an_aligned_block_can_be_reallocated(void **state) {
    (void)state;
    for (size_t alignment = 16; alignment <= largest_alignment; alignment *= 2) {
        void *block = memalign(alignment, 1000);
        assert_non_null(block);
        pattern_fill(block, 1000, alignment);
        block = realloc(block, 5000);
        assert_non_null(block);
        assert_true(pattern_holds(block, 1000, alignment));
        block = realloc(block, 500);
        assert_non_null(block);
        assert_true(pattern_holds(block, 500, alignment));
        free(block);
    }
}

static void valloc_and_pvalloc_give_whole_pages(void **state) {
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    static const size_t sizes[] = {1, 100, 4096, 4097, 20000, 3 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *plain = valloc(sizes[i]);
        void *rounded = pvalloc(sizes[i]);
        assert_non_null(plain);
        assert_non_null(rounded);
        assert_int_equal((uintptr_t)plain % page, 0);
        assert_int_equal((uintptr_t)rounded % page, 0);
        assert_true(malloc_usable_size(rounded) >= (sizes[i] + page - 1) / page * page);
        free(plain);
        free(rounded);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_alignment_holds_for_many_sizes),
        cmocka_unit_test(very_large_alignments_hold),
        cmocka_unit_test(an_aligned_block_can_be_reallocated),
        cmocka_unit_test(valloc_and_pvalloc_give_whole_pages),
    };
    return cmocka_run_group_tests(tests, provider_is_expected, NULL);
}
