#include "cmocka_all.h"
#include "memtest/rng.h"

#include <math.h>
#include <stdlib.h>

static void the_same_seed_and_stream_give_the_same_numbers(void **state) {
    (void)state;
    struct rng a = rng_seeded(7, 3), b = rng_seeded(7, 3);
    for (int i = 0; i < 1000; i++)
        assert_true(rng_next(&a) == rng_next(&b));
}

static void other_seeds_and_streams_give_other_numbers(void **state) {
    (void)state;
    uint64_t first = rng_seeded(1, 0).state;
    for (uint64_t i = 1; i < 1000; i++) {
        assert_true(rng_seeded(1, i).state != first);
        assert_true(rng_seeded(1 + i, 0).state != first);
        assert_true(rng_seeded(1 + i, 0).state != rng_seeded(1, i).state);
    }
}

static void numbers_stay_in_their_bounds_and_reach_both(void **state) {
    (void)state;
    struct rng rng = rng_seeded(1, 0);
    int low = 0, high = 0;
    for (int i = 0; i < 10000; i++) {
        uint64_t number = rng_between(&rng, 16, 31);
        assert_in_range(number, 16, 31);
        low += number == 16;
        high += number == 31;
    }
    assert_true(low > 0 && high > 0);
    assert_int_equal(rng_below(&rng, 0), 0);
    assert_int_equal(rng_below(&rng, 1), 0);
}

/* Chi squared with 1023 degrees of freedom: mean 1023, deviation 45; a sound generator stays within
 * 5 deviations. */
static double chi_squared(const unsigned *count, size_t cells, double expected) {
    double sum = 0;
    for (size_t i = 0; i < cells; i++)
        sum += (count[i] - expected) * (count[i] - expected) / expected;
    return sum;
}

static void pairs_of_successive_numbers_are_uniform(void **state) {
    (void)state;
    enum { SIDE = 32, DRAWS = 1 << 20 };
    static unsigned count[SIDE * SIDE];
    struct rng rng = rng_seeded(11, 0);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t slot = rng_below(&rng, SIDE), size = rng_below(&rng, SIDE);
        count[slot * SIDE + size]++;
    }
    double statistic = chi_squared(count, SIDE * SIDE, (double)DRAWS / (SIDE * SIDE));
    assert_true(fabs(statistic - 1023) < 5 * 45);
}

static void unit_numbers_average_one_half(void **state) {
    (void)state;
    struct rng rng = rng_seeded(5, 0);
    double sum = 0;
    for (int i = 0; i < 100000; i++) {
        double number = rng_unit(&rng);
        assert_true(number >= 0 && number < 1);
        sum += number;
    }
    assert_true(fabs(sum / 100000 - 0.5) < 0.005);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_and_stream_give_the_same_numbers),
        cmocka_unit_test(other_seeds_and_streams_give_other_numbers),
        cmocka_unit_test(numbers_stay_in_their_bounds_and_reach_both),
        cmocka_unit_test(pairs_of_successive_numbers_are_uniform),
        cmocka_unit_test(unit_numbers_average_one_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
