/* What the allocator tells about itself: malloc_usable_size, mallinfo2, malloc_trim. */
#include "support.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void the_usable_size_of_null_is_zero(void **state) {
    (void)state;
    assert_int_equal(malloc_usable_size(NULL), 0);
}

static void the_usable_size_does_not_change_while_a_block_lives(void **state) {
    (void)state;
    for (size_t size = 1; size < (size_t)8 << 20; size += size / 2 + 1) {
        void *block = malloc(size);
        assert_non_null(block);
        size_t usable = malloc_usable_size(block);
        void *other = malloc(size);
        memset(block, 1, usable);
        assert_int_equal(malloc_usable_size(block), usable);
        free(other);
        assert_int_equal(malloc_usable_size(block), usable);
        free(block);
    }
}

static void realloc_within_the_usable_size_keeps_all_of_it(void **state) {
    (void)state;
    for (size_t size = 1; size < (size_t)8 << 20; size += size / 2 + 1) {
        void *block = malloc(size);
        assert_non_null(block);
        size_t usable = malloc_usable_size(block);
        pattern_fill(block, usable, size);
        block = realloc(block, usable);
        assert_non_null(block);
        assert_true(pattern_holds(block, usable, size));
        free(block);
    }
}

static size_t bytes_in_use(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void mallinfo2_follows_what_is_live(void **state) {
    (void)state;
    static const size_t sizes[] = {64, 2000, 50000, (size_t)1 << 20, (size_t)40 << 20};
    static void *blocks[4096];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t count = sizes[i] <= 2000 ? 4096 : sizes[i] <= 50000 ? 200 : 2;
        size_t before = bytes_in_use();
        for (size_t j = 0; j < count; j++) {
            blocks[j] = malloc(sizes[i]);
            assert_non_null(blocks[j]);
        }
        size_t full = bytes_in_use();
        for (size_t j = 0; j < count; j++) {
            free(blocks[j]);
        }
        assert_true(full >= before + count * sizes[i] / 10 * 9);
        assert_true(bytes_in_use() <= full - count * sizes[i] / 10 * 9);
    }
}

static void malloc_trim_keeps_live_blocks(void **state) {
    (void)state;
    enum { COUNT = 3000 };
    static void *blocks[COUNT];
    uint64_t random = 3;
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = random_size(&random, 100000);
        blocks[i] = malloc(size);
        assert_non_null(blocks[i]);
        pattern_fill(blocks[i], malloc_usable_size(blocks[i]), i);
    }
    for (size_t i = 0; i < COUNT; i += 2) {
        free(blocks[i]);
    }
    int released = malloc_trim(0);
    assert_true(released == 0 || released == 1);
    for (size_t i = 1; i < COUNT; i += 2) {
        assert_true(pattern_holds(blocks[i], malloc_usable_size(blocks[i]), i));
        free(blocks[i]);
    }
}

static void malloc_trim_returns_memory(void **state) {
    (void)state;
    enum { COUNT = 1000, SIZE = 65536 };
    static void *blocks[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        blocks[i] = malloc(SIZE);
        assert_non_null(blocks[i]);
        memset(blocks[i], 1, SIZE);
    }
    size_t full = resident_bytes();
    for (size_t i = 0; i < COUNT; i++) {
        free(blocks[i]);
    }
    malloc_trim(0);
    assert_true(resident_bytes() < full - (size_t)COUNT * SIZE / 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usable_size_of_null_is_zero),
        cmocka_unit_test(the_usable_size_does_not_change_while_a_block_lives),
        cmocka_unit_test(realloc_within_the_usable_size_keeps_all_of_it),
        cmocka_unit_test(mallinfo2_follows_what_is_live),
        cmocka_unit_test(malloc_trim_keeps_live_blocks),
        cmocka_unit_test(malloc_trim_returns_memory),
    };
    return cmocka_run_group_tests(tests, provider_is_expected, NULL);
}
