/* Runs of set bits: the word tricks give what a plain loop gives. */
#include "allocators/slotmalloc/src/base/bits.h"
#include "tests/allocators/conformance/support.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A word with runs of many lengths. */
static uint32_t random_mask(uint64_t *random) {
    uint64_t word = random_next(random);
    return (uint32_t)(word >> 40 & 1 ? word & word >> 32 : word | word >> 32);
}

static uint32_t lowest_by_loop(uint32_t mask, unsigned count, unsigned align) {
    for (unsigned at = 0; at + count <= 32; at += align) {
        uint32_t run = (uint32_t)(((UINT64_C(1) << count) - 1) << at);
        if ((mask & run) == run) {
            return run;
        }
    }
    return 0;
}

static void run_lowest_finds_the_lowest_aligned_run(void **state) {
    (void)state;
    uint64_t random = 1;
    for (size_t round = 0; round < 3000; round++) {
        uint32_t mask = round == 0 ? UINT32_MAX : random_mask(&random);
        for (unsigned count = 1; count <= 32; count++) {
            for (unsigned align = 1; align <= 32; align *= 2) {
                assert_int_equal(bit_range_lowest(mask, count, align),
                                 lowest_by_loop(mask, count, align));
            }
        }
    }
}

static void doubling_keeps_the_starts_of_longer_runs(void **state) {
    (void)state;
    uint64_t random = 2;
    for (size_t round = 0; round < 3000; round++) {
        uint32_t mask = random_mask(&random);
        uint32_t starts = mask;
        for (unsigned level = 0; level < 5; level++) {
            starts = bit_ranges_doubled(starts, level);
            for (unsigned at = 0; at < 32; at++) {
                unsigned count = 2u << level;
                uint64_t run = ((UINT64_C(1) << count) - 1) << at;
                assert_int_equal(starts >> at & 1, (mask & run) == run);
            }
        }
    }
}

static void a_level_is_the_smallest_that_holds_the_count(void **state) {
    (void)state;
    for (unsigned count = 1; count <= 32; count++) {
        unsigned level = level_for(count);
        assert_true(1u << level >= count);
        assert_true(level == 0 || 1u << (level - 1) < count);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_lowest_finds_the_lowest_aligned_run),
        cmocka_unit_test(doubling_keeps_the_starts_of_longer_runs),
        cmocka_unit_test(a_level_is_the_smallest_that_holds_the_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
