#include "cmocka_all.h"
#include "memtest/histogram.h"
#include "memtest/rng.h"

#include <string.h>

static struct histogram histogram, other;

static int clear(void **state) {
    (void)state;
    memset(&histogram, 0, sizeof histogram);
    memset(&other, 0, sizeof other);
    return 0;
}

/* Random values of every magnitude. */
static uint64_t any_value(struct rng *rng) {
    return rng_next(rng) >> rng_below(rng, 64);
}

static void a_bucket_holds_its_value_within_one_percent(void **state) {
    (void)state;
    struct rng rng = rng_seeded(1, 0);
    for (int i = 0; i < 1000000; i++) {
        uint64_t value = any_value(&rng);
        uint64_t upper = histogram_upper(histogram_index(value));
        assert_true(upper >= value);
        assert_true((double)(upper - value) <= 0.01 * (double)value);
    }
}

static void buckets_follow_each_other_without_gap(void **state) {
    (void)state;
    for (size_t i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
        uint64_t upper = histogram_upper(i);
        assert_int_equal(histogram_index(upper), i);
        assert_int_equal(histogram_index(upper + 1), i + 1);
    }
    assert_int_equal(histogram_index(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
    assert_true(histogram_upper(HISTOGRAM_BUCKETS - 1) == UINT64_MAX);
}

static void quantiles_of_a_known_sequence_are_within_one_percent(void **state) {
    (void)state;
    const uint64_t n = 100000;
    for (uint64_t value = 1; value <= n; value++)
        histogram_add(&histogram, value);
    static const double quantiles[] = {0.001, 0.5, 0.9, 0.99, 0.999, 1.0};
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
        double exact = quantiles[i] * (double)n,
               got = (double)histogram_quantile(&histogram, quantiles[i]);
        assert_true(got >= exact - 1 && got <= exact * 1.01);
    }
    assert_int_equal(histogram_quantile(&histogram, 1.0), n);
}

static void an_empty_histogram_gives_zero(void **state) {
    (void)state;
    assert_int_equal(histogram_quantile(&histogram, 0.5), 0);
}

static void merging_equals_adding_to_one(void **state) {
    (void)state;
    static struct histogram together;
    memset(&together, 0, sizeof together);
    struct rng rng = rng_seeded(2, 0);
    for (int i = 0; i < 100000; i++) {
        uint64_t value = any_value(&rng);
        histogram_add(i % 3 ? &histogram : &other, value);
        histogram_add(&together, value);
    }
    histogram_merge(&histogram, &other);
    assert_memory_equal(&histogram, &together, sizeof together);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_bucket_holds_its_value_within_one_percent, clear),
        cmocka_unit_test_setup(buckets_follow_each_other_without_gap, clear),
        cmocka_unit_test_setup(quantiles_of_a_known_sequence_are_within_one_percent, clear),
        cmocka_unit_test_setup(an_empty_histogram_gives_zero, clear),
        cmocka_unit_test_setup(merging_equals_adding_to_one, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
