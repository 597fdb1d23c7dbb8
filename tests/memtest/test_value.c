#include "cmocka_all.h"
#include "memtest/nearest.h"
#include "memtest/value.h"

#include <string.h>

static struct option_value value;
static char complaint[256];

static bool parses(const struct option_spec *spec, const char *text) {
    return value_parse(spec, text, &value, complaint, sizeof complaint);
}

static const struct option_spec bytes = {
    .key = "min_bytes", .type = OPTION_BYTES, .min = 1, .max = 0x1p40};
static const struct option_spec count = {
    .key = "slots", .type = OPTION_COUNT, .min = 1, .max = 1e6};
static const struct option_spec real = {.key = "scale", .type = OPTION_REAL, .min = 0.5, .max = 2};
static const struct option_spec choice = {
    .key = "touch", .type = OPTION_CHOICE, .choices = "none|first|page|all"};

static void bytes_take_binary_suffixes(void **state) {
    (void)state;
    assert_true(parses(&bytes, "128K") && value.number == 128 << 10);
    assert_true(parses(&bytes, "2m") && value.number == 2 << 20);
    assert_true(parses(&bytes, "1GiB") && value.number == 1 << 30);
    assert_true(parses(&bytes, "0x10") && value.number == 16);
}

static void counts_take_decimal_suffixes(void **state) {
    (void)state;
    assert_true(parses(&count, "100k") && value.number == 100000);
    assert_true(parses(&count, "1M") && value.number == 1000000);
}

static void numbers_that_are_none_are_refused_by_name(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "", "-1", "x", "1.5", "12q", "1KiBs", "99999999999999999999", "999999999999T"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(parses(&bytes, wrong[i]));
        assert_non_null(strstr(complaint, "--min_bytes"));
    }
}

static void numbers_out_of_bounds_are_refused_with_the_bounds(void **state) {
    (void)state;
    assert_false(parses(&count, "0"));
    assert_false(parses(&count, "2M"));
    assert_non_null(strstr(complaint, "from 1 to 1000000"));
    assert_false(parses(&real, "nan"));
    assert_false(parses(&real, "inf"));
    assert_false(parses(&real, "3"));
    assert_true(parses(&real, "1.5") && value.real == 1.5);
}

static void a_wrong_choice_names_the_nearest(void **state) {
    (void)state;
    assert_true(parses(&choice, "page") && value.number == 2);
    assert_false(parses(&choice, "pge"));
    assert_non_null(strstr(complaint, "nearest is page"));
}

static void edit_distance_counts_single_changes(void **state) {
    (void)state;
    assert_int_equal(edit_distance("kitten", "sitting"), 3);
    assert_int_equal(edit_distance("", "abc"), 3);
    assert_int_equal(edit_distance("same", "same"), 0);
    struct nearest nearest = {.wanted = "thraeds"};
    nearest_consider(&nearest, "rounds");
    nearest_consider(&nearest, "threads");
    nearest_consider(&nearest, "touch");
    assert_string_equal(nearest.name, "threads");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_take_binary_suffixes),
        cmocka_unit_test(counts_take_decimal_suffixes),
        cmocka_unit_test(numbers_that_are_none_are_refused_by_name),
        cmocka_unit_test(numbers_out_of_bounds_are_refused_with_the_bounds),
        cmocka_unit_test(a_wrong_choice_names_the_nearest),
        cmocka_unit_test(edit_distance_counts_single_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
