/* Alignment, usable size, and neighbours that stay apart, from 0 bytes to 4 MiB. */
#include "support.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NEIGHBOURS = 3 };
static const size_t largest = (size_t)4 << 20;

/* Calls `check` for sizes just below, at and above every eighth of every power of two. */
static void for_each_size(void (*check)(size_t)) {
    for (size_t power = 16; power <= largest; power *= 2) {
        for (size_t eighth = 0; eighth < 8; eighth++) {
            size_t size = power + eighth * (power / 8);
            if (size <= largest) {
                check(size - 1);
                check(size);
                check(size + 1);
            }
        }
    }
}

static void check_alignment(size_t size) {
    void *block = malloc(size);
    assert_non_null(block);
    assert_int_equal((uintptr_t)block % (size >= 16 ? 16 : 8), 0);
    assert_true(malloc_usable_size(block) >= size);
    free(block);
}

static void every_block_is_aligned_for_its_size(void **state) {
    (void)state;
    for (size_t size = 0; size < 16; size++) {
        check_alignment(size);
    }
    for_each_size(check_alignment);
}

static void check_neighbours(size_t size) {
    void *blocks[NEIGHBOURS];
    for (size_t i = 0; i < NEIGHBOURS; i++) {
        blocks[i] = malloc(size);
        assert_non_null(blocks[i]);
        pattern_fill(blocks[i], malloc_usable_size(blocks[i]), size + i);
    }
    for (size_t i = 0; i < NEIGHBOURS; i++) {
        assert_true(pattern_holds(blocks[i], malloc_usable_size(blocks[i]), size + i));
    }
    free(blocks[1]);
    blocks[1] = malloc(size);
    assert_non_null(blocks[1]);
    memset(blocks[1], 0xA5, malloc_usable_size(blocks[1]));
    assert_true(pattern_holds(blocks[0], malloc_usable_size(blocks[0]), size));
    assert_true(pattern_holds(blocks[2], malloc_usable_size(blocks[2]), size + 2));
    for (size_t i = 0; i < NEIGHBOURS; i++) {
        free(blocks[i]);
    }
}

static void every_usable_byte_belongs_to_one_block(void **state) {
    (void)state;
    for_each_size(check_neighbours);
}

enum { CROWD = 20000 };
static void *crowd[CROWD];

static void a_crowd_of_small_blocks_keeps_its_contents(void **state) {
    (void)state;
    uint64_t random = 1;
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = malloc(random_size(&random, 4096));
        assert_non_null(crowd[i]);
        pattern_fill(crowd[i], malloc_usable_size(crowd[i]), i);
    }
    for (size_t i = 0; i < CROWD; i++) {
        assert_true(pattern_holds(crowd[i], malloc_usable_size(crowd[i]), i));
        free(crowd[i]);
    }
}

static void freed_memory_is_used_again(void **state) {
    (void)state;
    static const size_t sizes[] = {16, 200, 5000, 40000, 300000, (size_t)3 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t before = resident_bytes();
        for (size_t round = 0; round < ((size_t)256 << 20) / sizes[i]; round++) {
            unsigned char *block = malloc(sizes[i]);
            assert_non_null(block);
            *block = 1;
            free(opaque(block));
        }
        assert_true(resident_bytes() < before + ((size_t)16 << 20));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_block_is_aligned_for_its_size),
        cmocka_unit_test(every_usable_byte_belongs_to_one_block),
        cmocka_unit_test(a_crowd_of_small_blocks_keeps_its_contents),
        cmocka_unit_test(freed_memory_is_used_again),
    };
    return cmocka_run_group_tests(tests, provider_is_expected, NULL);
}
