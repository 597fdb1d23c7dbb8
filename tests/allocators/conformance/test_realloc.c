/* realloc keeps what the block held, whichever way the size goes, and on failure the block. */
#include "support.h"

#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static void realloc_keeps_content_for_every_pair_of_sizes(void **state) {
    (void)state;
    static const size_t sizes[] = {1,      16,     40,      130,     1000,   3000,
                                   8192,   9000,   20000,   32768,   40000,  70000,
                                   150000, 600000, 1 << 20, 2 << 20, 5 << 20};
    const size_t count = sizeof sizes / sizeof *sizes;
    for (size_t pair = 0; pair < count * count; pair++) {
        size_t from = sizes[pair / count];
        size_t to = sizes[pair % count];
        void *block = malloc(from);
        assert_non_null(block);
        pattern_fill(block, from, pair);
        block = realloc(block, to);
        assert_non_null(block);
        assert_true(pattern_holds(block, smaller(from, to), pair));
        assert_true(malloc_usable_size(block) >= to);
        memset(block, 0xA5, malloc_usable_size(block));
        free(block);
    }
}

static void growth_step_by_step_keeps_content(void **state) {
    (void)state;
    void *block = NULL;
    size_t held = 0;
    for (size_t size = 1; size < (size_t)48 << 20; size += size / 3 + 1) {
        block = realloc(block, size);
        assert_non_null(block);
        assert_true(pattern_holds(block, held, 42));
        pattern_fill(block, size, 42);
        held = size;
    }
    for (; held > 0; held /= 2) {
        block = realloc(block, held);
        assert_non_null(block);
        assert_true(pattern_holds(block, held, 42));
    }
    free(block);
}

static void two_growing_blocks_do_not_meet(void **state) {
    (void)state;
    unsigned char *blocks[2] = {NULL, NULL};
    for (size_t size = 4096; size < (size_t)40 << 20; size += size / 2) {
        for (size_t i = 0; i < 2; i++) {
            blocks[i] = realloc(blocks[i], size);
            assert_non_null(blocks[i]);
            pattern_fill(blocks[i], malloc_usable_size(blocks[i]), i);
        }
        assert_true(pattern_holds(blocks[0], size, 0));
        assert_true(pattern_holds(blocks[1], size, 1));
    }
    free(blocks[0]);
    free(blocks[1]);
}

static void realloc_of_null_allocates(void **state) {
    (void)state;
    void *block = realloc(NULL, 100);
    assert_non_null(block);
    memset(block, 1, malloc_usable_size(block));
    free(block);
}

static void realloc_to_zero_frees_or_gives_a_block(void **state) {
    (void)state;
    void *block = realloc(malloc(100), opaque_size(0));
    free(block);
    block = realloc(malloc((size_t)8 << 20), opaque_size(0));
    free(block);
}

static void a_failed_realloc_keeps_the_old_block(void **state) {
    (void)state;
    static const size_t sizes[] = {24, 3000, 100000, (size_t)3 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *block = malloc(sizes[i]);
        assert_non_null(block);
        pattern_fill(block, sizes[i], i);
        void *kept = opaque(block); /* the compiler takes every realloc for a successful one */
        errno = 0;
        assert_null(realloc(opaque(kept), opaque_size(PTRDIFF_MAX)));
        assert_int_equal(errno, ENOMEM);
        assert_null(realloc(opaque(kept), opaque_size(SIZE_MAX - 4096)));
        assert_null(reallocarray(opaque(kept), opaque_size(SIZE_MAX / 2), 4));
        assert_true(pattern_holds(opaque(kept), sizes[i], i));
        free(opaque(kept));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(realloc_keeps_content_for_every_pair_of_sizes),
        cmocka_unit_test(growth_step_by_step_keeps_content),
        cmocka_unit_test(two_growing_blocks_do_not_meet),
        cmocka_unit_test(realloc_of_null_allocates),
        cmocka_unit_test(realloc_to_zero_frees_or_gives_a_block),
        cmocka_unit_test(a_failed_realloc_keeps_the_old_block),
    };
    return cmocka_run_group_tests(tests, provider_is_expected, NULL);
}
