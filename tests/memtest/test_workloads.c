/* Every registered workload, run small inside this process with every byte verified: also what the
 * sanitizers see. */
#include "cmocka_all.h"
#include "memtest/measure.h"
#include "memtest/options.h"
#include "memtest/value.h"
#include "memtest/workload.h"

#include <stdio.h>
#include <string.h>

/* A workload that needs an input (a trace) has tests of its own. */
static bool needs_an_input(const struct workload *workload) {
    for (const struct option_spec *spec = workload->options; spec && spec->key; spec++)
        if (!spec->fallback)
            return true;
    return false;
}

/* The smoke run of the workload, a tenth as long: the sanitizers are slow. */
static struct measurement measure_smoke(struct workload *workload, char *threads, char *seed,
                                        char *verify) {
    static struct settings settings;
    struct measurement m;
    char *argv[40] = {"memtest", (char *)workload->name};
    char *last[] = {"--threads", threads,    "--seed", seed,      "--verify",
                    verify,      "--rounds", "2",      "--scale", "0.1"};
    char smoke[256];
    int argc = 2;
    snprintf(smoke, sizeof smoke, "%s", workload->smoke);
    for (char *word = strtok(smoke, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    for (size_t i = 0; i < sizeof last / sizeof *last; i++)
        argv[argc++] = last[i];
    options_read(argc, argv, &settings);
    measure(&m, &settings);
    return m;
}

static void same_seed_same_checksum(struct workload *workload, char *threads, char *verify) {
    struct measurement first = measure_smoke(workload, threads, "3", verify),
                       second = measure_smoke(workload, threads, "3", "none");
    if (measurement_checksum(&first) != measurement_checksum(&second))
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
        struct measurement m = measure_smoke(workload, "2", "1", "stamp");
        if (m.end.totals.live != 0 || m.end.totals.mallocs != m.end.totals.frees)
            fail_msg("%s leaves %lld bytes", workload->name, (long long)m.end.totals.live);
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
        assert_true(needs_an_input(workload) || workload->smoke);
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
