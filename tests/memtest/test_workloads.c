/* Every registered workload, run small inside this process with every byte verified: also what the
 * sanitizers see. */
#include "cmocka_all.h"
#include "memtest/run.h"
#include "memtest/value.h"

#include <string.h>

/* A workload that needs an input (a trace) has tests of its own. */
static bool needs_an_input(const struct workload *workload) {
    for (const struct option_spec *spec = workload->options; spec && spec->key; spec++)
        if (!spec->fallback)
            return true;
    return false;
}

/* Keeps the live heap small too: the sanitizers are slow. */
static int add_small_heap(const struct workload *workload, char **argv) {
    static const char *const small[][3] = {
        {"objects", "--objects", "1000"},    {"blocks", "--blocks", "1000"},
        {"slots", "--slots", "100"},         {"live", "--live", "256K"},
        {"long_depth", "--long_depth", "8"}, {"depth", "--depth", "8"}};
    int count = 0;
    for (const struct option_spec *spec = workload->options; spec && spec->key; spec++) {
        for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
            if (strcmp(spec->key, small[i][0]) == 0) {
                argv[count++] = (char *)small[i][1];
                argv[count++] = (char *)small[i][2];
            }
        }
    }
    return count;
}

static struct run run_small(struct workload *workload, char *threads, char *seed, char *verify) {
    static struct settings settings;
    struct run run;
    char *argv[32] = {"memtest",   (char *)workload->name,
                      "--threads", threads,
                      "--seed",    seed,
                      "--verify",  verify,
                      "--rounds",  "2",
                      "--scale",   "0.001"};
    int argc = 12 + add_small_heap(workload, argv + 12);
    options_read(argc, argv, &settings);
    run_execute(&run, &settings);
    return run;
}

static void same_seed_same_checksum(struct workload *workload, char *threads, char *verify) {
    struct run first = run_small(workload, threads, "3", verify),
               second = run_small(workload, threads, "3", "none");
    if (run_checksum(&first) != run_checksum(&second))
        fail_msg("%s with %s threads: the same seed gave other operations", workload->name,
                 threads);
    assert_int_equal(first.end.totals.mallocs, second.end.totals.mallocs);
    assert_int_equal(first.end.totals.live, second.end.totals.live);
}

static void operations_follow_from_the_seed(void **state) {
    (void)state;
    for (struct workload *workload = workload_first(); workload; workload = workload->next) {
        if (needs_an_input(workload))
            continue;
        same_seed_same_checksum(workload, "1", "full");
        same_seed_same_checksum(workload, "3", "stamp");
        same_seed_same_checksum(workload, "4", "none");
    }
}

static void everything_is_freed_in_the_end(void **state) {
    (void)state;
    for (struct workload *workload = workload_first(); workload; workload = workload->next) {
        if (needs_an_input(workload))
            continue;
        struct run run = run_small(workload, "2", "1", "stamp");
        if (run.end.totals.live != 0 || run.end.totals.mallocs != run.end.totals.frees)
            fail_msg("%s leaves %lld bytes", workload->name, (long long)run.end.totals.live);
    }
}

static void options_explain_themselves(const struct option_spec *spec) {
    struct option_value value;
    char complaint[256];
    for (; spec && spec->key; spec++) {
        assert_true(spec->help && spec->help[0]);
        if (spec->fallback &&
            !value_parse(spec, spec->fallback, &value, complaint, sizeof complaint))
            fail_msg("%s", complaint);
    }
}

static void every_workload_explains_itself(void **state) {
    (void)state;
    for (struct workload *workload = workload_first(); workload; workload = workload->next) {
        assert_true(workload->summary[0] && workload->source[0] && workload->stresses[0]);
        assert_non_null(workload->round);
        options_explain_themselves(workload->options);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_follow_from_the_seed),
        cmocka_unit_test(everything_is_freed_in_the_end),
        cmocka_unit_test(every_workload_explains_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
