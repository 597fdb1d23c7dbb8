/* SLOTMALLOC=key=value,...: values arrive, and what is wrong is named together with the cure. */
#include "allocators/slotmalloc/src/base/options.h"
#include "allocators/slotmalloc/src/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* What options_parse complains about. */
static const char *problems_of(const char *string) {
    static char line[400];
    struct text text = text_in(line, sizeof line - 1);
    options_parse(string, &text);
    *text.at = '\0';
    return line;
}

static void sizes_take_suffixes(void **state) {
    (void)state;
    assert_string_equal(problems_of("limit=3k"), "");
    assert_int_equal(options.limit, 3 << 10);
    assert_string_equal(problems_of("limit=64m,reserve=2T,prefault=5G"), "");
    assert_int_equal(options.limit, 64 << 20);
    assert_int_equal(options.reserve, (uint64_t)2 << 40);
    assert_int_equal(options.prefault, (uint64_t)5 << 30);
    assert_string_equal(problems_of("limit=4096"), "");
    assert_int_equal(options.limit, 4096);
}

static void choices_are_taken_by_name(void **state) {
    (void)state;
    assert_string_equal(problems_of("thp=always,check=full,share=off,pool=cpu"), "");
    assert_int_equal(options.thp, THP_ALWAYS);
    assert_int_equal(options.check, CHECK_FULL);
    assert_int_equal(options.share, 0);
    assert_int_equal(options.pool, POOL_CPU);
    assert_string_equal(problems_of("thp=off,check=basic,share=on,pool=thread"), "");
    assert_int_equal(options.thp, THP_OFF);
    assert_int_equal(options.check, CHECK_BASIC);
    assert_int_equal(options.pool, POOL_THREAD);
}

static void never_means_no_limit(void **state) {
    (void)state;
    assert_string_equal(problems_of("purge_delay=never"), "");
    assert_int_equal(options.purge_delay, OPTION_NEVER);
    assert_string_equal(problems_of("purge_delay=250"), "");
    assert_int_equal(options.purge_delay, 250);
}

static void an_unknown_key_is_named(void **state) {
    (void)state;
    assert_non_null(strstr(problems_of("purge_dely=5"), "purge_dely"));
    assert_non_null(strstr(problems_of("limit=1m,nonsense"), "nonsense"));
}

static void an_unusable_value_is_named_with_what_is_taken(void **state) {
    (void)state;
    const char *problems = problems_of("thp=sometimes");
    assert_non_null(strstr(problems, "sometimes"));
    assert_non_null(strstr(problems, "off|auto|always"));
    options.limit = 7;
    static const char *const bad[] = {"limit=",    "limit=12q",      "limit=-1",
                                      "limit=k",   "limit",          "limit=99999999999999999999",
                                      "limit=1 m", "limit=16777216t"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_non_null(strstr(problems_of(bad[i]), "limit"));
        assert_int_equal(options.limit, 7);
    }
}

static void empty_parts_and_long_text_do_no_harm(void **state) {
    (void)state;
    assert_string_equal(problems_of(""), "");
    assert_string_equal(problems_of(",,thp=off,"), "");
    char text[4000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_non_null(strstr(problems_of(text), "unknown key"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_take_suffixes),
        cmocka_unit_test(choices_are_taken_by_name),
        cmocka_unit_test(never_means_no_limit),
        cmocka_unit_test(an_unknown_key_is_named),
        cmocka_unit_test(an_unusable_value_is_named_with_what_is_taken),
        cmocka_unit_test(empty_parts_and_long_text_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
