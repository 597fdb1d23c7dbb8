#include "cmocka_all.h"
#include "memtest/alias.h"

#include <math.h>

enum { DRAWS = 1000000 };

static void outcomes_come_as_often_as_their_weights_say(void **state) {
    (void)state;
    static const double weight[] = {5, 0, 1, 0.001, 94};
    unsigned count[5] = {0};
    struct alias alias = alias_new(weight, 5);
    struct rng rng = rng_seeded(1, 0);
    for (int i = 0; i < DRAWS; i++)
        count[alias_draw(&alias, &rng)]++;
    for (int i = 0; i < 5; i++) {
        double expected = weight[i] / 100.001 * DRAWS;
        assert_true(fabs(count[i] - expected) <= 5 * sqrt(expected));
    }
}

static void a_single_outcome_is_certain(void **state) {
    (void)state;
    static const double weight[] = {0.25};
    struct alias alias = alias_new(weight, 1);
    struct rng rng = rng_seeded(1, 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(alias_draw(&alias, &rng), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes_come_as_often_as_their_weights_say),
        cmocka_unit_test(a_single_outcome_is_certain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
