/* Sizes that cannot be served, sizes of zero, and errno. */
#include "support.h"

#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_enomem(void *block) {
    assert_null(block);
    assert_int_equal(errno, ENOMEM);
    errno = 0;
}

static void impossible_sizes_give_null_and_enomem(void **state) {
    (void)state;
    static const size_t sizes[] = {PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1, SIZE_MAX - 4095,
                                   SIZE_MAX - 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t size = opaque_size(sizes[i]);
        errno = 0;
        expect_enomem(malloc(size));
        expect_enomem(calloc(1, size));
        expect_enomem(realloc(NULL, size));
        expect_enomem(aligned_alloc(64, size));
        expect_enomem(memalign(4096, size));
        expect_enomem(valloc(size));
        expect_enomem(pvalloc(size));
    }
}

static void products_that_overflow_give_null_and_enomem(void **state) {
    (void)state;
    size_t half = opaque_size(SIZE_MAX / 2 + 1);
    size_t root = opaque_size((size_t)1 << 32);
    errno = 0;
    expect_enomem(calloc(half, 2));
    expect_enomem(calloc(2, half));
    expect_enomem(calloc(root, root));
    expect_enomem(calloc(half + 8, 2)); /* wraps to 16 */
    expect_enomem(reallocarray(NULL, half + 8, 2));
    expect_enomem(reallocarray(NULL, root, root));
}

static void reallocarray_multiplies(void **state) {
    (void)state;
    unsigned char *block = reallocarray(NULL, 300, 7);
    assert_non_null(block);
    assert_true(malloc_usable_size(block) >= 2100);
    memset(block, 3, 2100);
    block = reallocarray(block, 1000, 7);
    assert_non_null(block);
    assert_true(is_filled_with(block, 2100, 3));
    free(block);
}

static void posix_memalign_refuses_bad_alignments_and_leaves_errno(void **state) {
    (void)state;
    static const size_t bad[] = {0, 1, 2, 4, 3, 12, 24, 48, 4097, SIZE_MAX};
    int untouched = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        void *block = &untouched;
        errno = EDOM;
        assert_int_equal(posix_memalign(&block, opaque_size(bad[i]), 100), EINVAL);
        assert_ptr_equal(block, &untouched);
        assert_int_equal(errno, EDOM);
    }
}

static void posix_memalign_reports_enomem_by_value(void **state) {
    (void)state;
    int untouched = 0;
    void *block = &untouched;
    assert_int_equal(posix_memalign(&block, 64, opaque_size(PTRDIFF_MAX)), ENOMEM);
    assert_int_equal(posix_memalign(&block, 1 << 20, opaque_size(SIZE_MAX - 100)), ENOMEM);
    assert_ptr_equal(block, &untouched);
}

static void aligned_alloc_of_an_odd_alignment_fails_or_rounds_up(void **state) {
    (void)state;
    errno = 0;
    void *block = aligned_alloc(opaque_size(48), 480);
    if (block == NULL) {
        assert_int_equal(errno, EINVAL);
    } else {
        assert_true(malloc_usable_size(block) >= 480);
        memset(block, 1, 480);
    }
    free(block);
}

static void errno_survives_free(void **state) {
    (void)state;
    for (size_t size = 1; size <= (size_t)256 << 20; size *= 4) {
        unsigned char *block = malloc(size);
        assert_non_null(block);
        *block = 1;
        errno = EXDEV;
        free(opaque(block));
        assert_int_equal(errno, EXDEV);
    }
    free(NULL);
    assert_int_equal(errno, EXDEV);
}

static void blocks_of_zero_bytes_are_distinct_and_can_be_freed(void **state) {
    (void)state;
    enum { COUNT = 8 };
    void *blocks[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        blocks[i] = i % 2 ? malloc(opaque_size(0)) : calloc(opaque_size(0), 8);
        assert_non_null(blocks[i]);
        for (size_t j = 0; j < i; j++) {
            assert_ptr_not_equal(blocks[i], blocks[j]);
        }
    }
    for (size_t i = 0; i < COUNT; i++) {
        memset(blocks[i], 1, malloc_usable_size(blocks[i]));
        free(blocks[i]);
    }
    free(aligned_alloc(64, opaque_size(0)));
    free(pvalloc(opaque_size(0)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(impossible_sizes_give_null_and_enomem),
        cmocka_unit_test(products_that_overflow_give_null_and_enomem),
        cmocka_unit_test(reallocarray_multiplies),
        cmocka_unit_test(posix_memalign_refuses_bad_alignments_and_leaves_errno),
        cmocka_unit_test(posix_memalign_reports_enomem_by_value),
        cmocka_unit_test(aligned_alloc_of_an_odd_alignment_fails_or_rounds_up),
        cmocka_unit_test(errno_survives_free),
        cmocka_unit_test(blocks_of_zero_bytes_are_distinct_and_can_be_freed),
    };
    return cmocka_run_group_tests(tests, provider_is_expected, NULL);
}
