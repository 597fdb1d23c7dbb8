/* Every registered workload, run small inside this process with every byte verified: also what the
 * sanitizers see. */
#include "cmocka_all.h"
#include "memtest/run.h"
#include "memtest/value.h"

#include <stdio.h>

/* A workload that needs an input (a trace) has tests of its own. */
static bool needs_an_input(const struct workload *workload) {
    for (const struct option_spec *spec = workload->options; spec && spec->key; spec++)
        if (!spec->fallback)
            return true;
    return false;
}

static struct run run_small(struct workload *workload, char *threads, char *seed, char *verify) {
    static struct settings settings;
    struct run run;
    char *argv[] = {"memtest",   (char *)workload->name,
                    "--threads", threads,
                    "--seed",    seed,
                    "--verify",  verify,
                    "--rounds",  "2",
                    "--scale",   "0.002",
                    NULL};
    options_read(12, argv, &settings);
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
