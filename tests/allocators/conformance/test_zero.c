/* calloc gives zeros even where every class has just been used and dirtied. */
#include "support.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HELD = 400 };
static unsigned char *held[HELD];

static void dirty_and_free(size_t limit, uint64_t *random) {
    for (size_t i = 0; i < HELD; i++) {
        held[i] = malloc(random_size(random, limit));
        assert_non_null(held[i]);
        memset(held[i], 0xA5, malloc_usable_size(held[i]));
    }
    for (size_t i = 0; i < HELD; i++) {
        free(held[i]);
    }
}

/* Programs that grow arrays by malloc_usable_size expect zeros up to there. */
static size_t usable_zeros(void *block, size_t size) {
    size_t usable = malloc_usable_size(block);
    return usable > size ? usable : size;
}

static void expect_zeros(size_t limit, uint64_t *random) {
    for (size_t i = 0; i < HELD; i++) {
        size_t size = random_size(random, limit);
        held[i] = calloc(1, size);
        assert_non_null(held[i]);
        assert_true(is_filled_with(held[i], usable_zeros(held[i], size), 0));
        memset(held[i], 0xA5, malloc_usable_size(held[i]));
    }
    for (size_t i = 0; i < HELD; i++) {
        free(held[i]);
    }
}

static void calloc_is_zero_after_dirty_reuse(void **state) {
    (void)state;
    static const size_t limits[] = {64, 1024, 8192, 32768, 131072, 1 << 20};
    uint64_t random = 7;
    for (size_t round = 0; round < 6; round++) {
        for (size_t dirty = 0; dirty < 6; dirty++) {
            dirty_and_free(limits[dirty], &random);
            expect_zeros(limits[(dirty + round) % 6], &random);
        }
    }
}

static void calloc_is_zero_after_trim(void **state) {
    (void)state;
    uint64_t random = 8;
    for (size_t round = 0; round < 4; round++) {
        dirty_and_free(65536, &random);
        malloc_trim(0);
        expect_zeros(65536, &random);
    }
}

static void huge_calloc_is_zero_after_dirty_reuse(void **state) {
    (void)state;
    for (size_t size = (size_t)2 << 20; size <= (size_t)64 << 20; size *= 2) {
        unsigned char *dirty = malloc(size);
        assert_non_null(dirty);
        memset(dirty, 0xA5, size);
        free(dirty);
        unsigned char *clean = calloc(size / 64 - 1, 64);
        assert_non_null(clean);
        assert_true(is_filled_with(clean, usable_zeros(clean, size - 64), 0));
        free(clean);
    }
}

static void calloc_is_zero_where_realloc_shrank(void **state) {
    (void)state;
    for (size_t size = 1024; size <= (size_t)8 << 20; size *= 2) {
        unsigned char *block = malloc(size);
        assert_non_null(block);
        memset(block, 0xA5, size);
        block = realloc(block, size / 4);
        assert_non_null(block);
        unsigned char *clean = calloc(1, size / 2);
        assert_non_null(clean);
        assert_true(is_filled_with(clean, usable_zeros(clean, size / 2), 0));
        free(clean);
        free(block);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calloc_is_zero_after_dirty_reuse),
        cmocka_unit_test(calloc_is_zero_after_trim),
        cmocka_unit_test(huge_calloc_is_zero_after_dirty_reuse),
        cmocka_unit_test(calloc_is_zero_where_realloc_shrank),
    };
    return cmocka_run_group_tests(tests, provider_is_expected, NULL);
}
