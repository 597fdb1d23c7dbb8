/* The environment variables: each of them, and what happens to those that cannot be understood. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

static const char *const variables[] = {
    "SHM_ARENA_POOL_SIZE",     "SHM_ARENA_ALIGNMENT",     "SHM_ARENA_NAME",
    "SHM_ARENA_BACKEND",       "SHM_ARENA_USE_HUGEPAGE",  "SHM_ARENA_HUGEPAGE_SIZE",
    "SHM_ARENA_PREFAULT",      "SHM_ARENA_FIXED_ADDRESS", "SHM_ARENA_RECLAIM_BLOCKS",
    "SHM_ARENA_OVERCOMMIT",    "SHM_ARENA_NUMA_NODE",     "SHM_ARENA_MODE",
    "SHM_ARENA_MAX_PROCESSES",
};

static int clean(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    return 0;
}

static struct shm_arena_options with(const char *variable, const char *value) {
    struct shm_arena_options o = SHM_ARENA_OPTIONS_INIT;
    clean(NULL);
    setenv(variable, value, 1);
    assert_ok(shm_arena_options_from_environment(&o, NULL));
    return o;
}

static void nothing_set_changes_nothing(void **state) {
    (void)state;
    struct shm_arena_options o = SHM_ARENA_OPTIONS_INIT, before = o;
    assert_ok(shm_arena_options_from_environment(&o, NULL));
    assert_memory_equal(&o, &before, sizeof o);
}

static void sizes_are_written_as_people_write_them(void **state) {
    (void)state;
    assert_int_equal(with("SHM_ARENA_POOL_SIZE", "1048576").size, MIB);
    assert_int_equal(with("SHM_ARENA_POOL_SIZE", "64k").size, 64 * KIB);
    assert_int_equal(with("SHM_ARENA_POOL_SIZE", "8gb").size, 8ul << 30);
    assert_int_equal(with("SHM_ARENA_POOL_SIZE", "20GiB").size, 20ul << 30);
    assert_int_equal(with("SHM_ARENA_ALIGNMENT", "4K").alignment, 4096);
    assert_int_equal(with("SHM_ARENA_HUGEPAGE_SIZE", "2MB").huge_page_size, 2 * MIB);
}

static void every_other_variable_is_read(void **state) {
    (void)state;
    assert_string_equal(with("SHM_ARENA_NAME", "/kv").name, "/kv");
    assert_int_equal(with("SHM_ARENA_BACKEND", "shm").backend, SHM_ARENA_SHM);
    assert_int_equal(with("SHM_ARENA_BACKEND", "FILE").backend, SHM_ARENA_FILE);
    assert_int_equal(with("SHM_ARENA_USE_HUGEPAGE", "1").huge, SHM_ARENA_HUGE_TRY);
    assert_int_equal(with("SHM_ARENA_USE_HUGEPAGE", "require").huge, SHM_ARENA_HUGE_REQUIRE);
    assert_int_equal(with("SHM_ARENA_USE_HUGEPAGE", "off").huge, SHM_ARENA_HUGE_NEVER);
    assert_int_equal(with("SHM_ARENA_PREFAULT", "yes").flags, SHM_ARENA_PREFAULT);
    assert_int_equal(with("SHM_ARENA_FIXED_ADDRESS", "true").flags, SHM_ARENA_FIXED_ADDRESS);
    assert_int_equal(with("SHM_ARENA_RECLAIM_BLOCKS", "on").flags, SHM_ARENA_RECLAIM_BLOCKS);
    assert_int_equal(with("SHM_ARENA_OVERCOMMIT", "1").flags, SHM_ARENA_OVERCOMMIT);
    assert_int_equal(with("SHM_ARENA_NUMA_NODE", "1").numa_node, 1);
    assert_int_equal(with("SHM_ARENA_MODE", "0660").mode, 0660);
    assert_int_equal(with("SHM_ARENA_MAX_PROCESSES", "16").max_processes, 16);
}

static void a_variable_that_makes_no_sense_is_named_and_nothing_changes(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        {"SHM_ARENA_POOL_SIZE", "big"},
        {"SHM_ARENA_POOL_SIZE", "0"},
        {"SHM_ARENA_POOL_SIZE", "-1"},
        {"SHM_ARENA_POOL_SIZE", "99999999tb"},
        {"SHM_ARENA_POOL_SIZE", "1 GB x"},
        {"SHM_ARENA_ALIGNMENT", "3000"},
        {"SHM_ARENA_NAME", ""},
        {"SHM_ARENA_BACKEND", "disk"},
        {"SHM_ARENA_USE_HUGEPAGE", "maybe"},
        {"SHM_ARENA_PREFAULT", "2"},
        {"SHM_ARENA_NUMA_NODE", "-2"},
        {"SHM_ARENA_NUMA_NODE", "a"},
        {"SHM_ARENA_MODE", "999"},
        {"SHM_ARENA_MODE", "7777"},
        {"SHM_ARENA_MAX_PROCESSES", "0"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct shm_arena_options o = SHM_ARENA_OPTIONS_INIT, before = o;
        const char *culprit = NULL;
        clean(NULL);
        setenv("SHM_ARENA_RECLAIM_BLOCKS", "1", 1);
        setenv(bad[i][0], bad[i][1], 1);
        if (shm_arena_options_from_environment(&o, &culprit) != SHM_ARENA_INVALID)
            fail_msg("%s=%s was accepted", bad[i][0], bad[i][1]);
        assert_string_equal(culprit, bad[i][0]);
        assert_memory_equal(&o, &before, sizeof o);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_set_changes_nothing, clean),
        cmocka_unit_test(sizes_are_written_as_people_write_them),
        cmocka_unit_test(every_other_variable_is_read),
        cmocka_unit_test(a_variable_that_makes_no_sense_is_named_and_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
