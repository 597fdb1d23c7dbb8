/* Size classes: every size has the tightest one, and block starts are told exactly. */
#include "allocators/slotmalloc/src/base/classes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int tables_are_filled(void **state) {
    (void)state;
    classes_init();
    return 0;
}

static void a_size_gets_the_smallest_class_that_holds_it(void **state) {
    (void)state;
    for (size_t size = 0; size <= CLASS_MAX_BYTES; size++) {
        unsigned class = class_of(size);
        assert_true(class < CLASS_COUNT && classes[class].size >= size);
        assert_true(class == 0 || classes[class - 1].size < size);
    }
}

static void no_block_above_64_bytes_wastes_more_than_a_fifth(void **state) {
    (void)state;
    for (size_t size = 65; size <= CLASS_MAX_BYTES; size++) {
        size_t waste = classes[class_of(size)].size - size;
        assert_true(waste < 16 || waste * 5 <= classes[class_of(size)].size);
    }
}

static void sizes_grow_by_whole_granules_to_32_kib(void **state) {
    (void)state;
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        assert_int_equal(classes[class].size % GRANULE, 0);
        assert_true(class == 0 || classes[class].size > classes[class - 1].size);
    }
    assert_int_equal(classes[SMALL_CLASS_COUNT - 1].size, SMALL_MAX_BYTES);
    assert_int_equal(classes[CLASS_COUNT - 1].size, CLASS_MAX_BYTES);
}

/* free's fast path: offset * reciprocal wraps to less than reciprocal exactly at block starts. */
static void the_inverse_tells_block_starts_exactly(void **state) {
    (void)state;
    for (unsigned class = 0; class < SMALL_CLASS_COUNT; class ++) {
        uint32_t reciprocal = classes[class].reciprocal;
        for (uint32_t offset = 0; offset < SLOT_SIZE; offset++) {
            bool told = offset * reciprocal < reciprocal;
            assert_int_equal(told, offset % classes[class].size == 0);
        }
    }
}

static void spans_hold_their_blocks_with_little_left_over(void **state) {
    (void)state;
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        const struct class_info *info = &classes[class];
        size_t bytes = info->span * SLOT_SIZE;
        assert_true(info->span >= 1 && info->span <= 4);
        assert_true(class < SMALL_CLASS_COUNT ? info->span == 1 : info->capacity >= 6);
        assert_true((size_t)info->capacity * info->size <= bytes);
        assert_true(bytes - (size_t)info->capacity * info->size < bytes / 8);
        assert_true(info->wake >= 1 && info->wake <= info->capacity);
    }
}

static void an_aligned_class_is_a_multiple_of_the_alignment(void **state) {
    (void)state;
    for (size_t align = GRANULE; align <= CLASS_MAX_BYTES; align *= 2) {
        for (size_t size = 1; size <= CLASS_MAX_BYTES; size += size / 7 + 1) {
            unsigned class = class_of_aligned(size, align);
            if (class < CLASS_COUNT) {
                assert_int_equal(classes[class].size % align, 0);
                assert_true(classes[class].size >= size);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_size_gets_the_smallest_class_that_holds_it),
        cmocka_unit_test(no_block_above_64_bytes_wastes_more_than_a_fifth),
        cmocka_unit_test(sizes_grow_by_whole_granules_to_32_kib),
        cmocka_unit_test(the_inverse_tells_block_starts_exactly),
        cmocka_unit_test(spans_hold_their_blocks_with_little_left_over),
        cmocka_unit_test(an_aligned_class_is_a_multiple_of_the_alignment),
    };
    return cmocka_run_group_tests(tests, tables_are_filled, NULL);
}
