/* The pool manager: get or create, growth, discovery by other processes, listing, clean-up. */
#include "support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char name[64];

static int set_up(void **state) {
    (void)state;
    snprintf(name, sizeof name, "alloclab-manager-%d", getpid());
    shm_manager_remove(name);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return shm_manager_remove(name) > 0; /* each test must have cleaned up */
}

static struct shm_manager *open_manager(unsigned pools, bool remove_at_exit) {
    struct shm_arena_options o = SHM_ARENA_OPTIONS_INIT;
    struct shm_manager *manager = NULL;
    o.size = MIB;
    assert_ok(shm_manager_open(name, &o, pools, remove_at_exit, &manager));
    return manager;
}

static bool count_names(void *count, const char *pool) {
    assert_int_equal(pool[0], '/');
    ++*(int *)count;
    return true;
}

static int names_with(const char *prefix) {
    int count = 0;
    assert_ok(shm_arena_list(prefix, count_names, &count));
    return count;
}

static void pools_are_added_on_demand_up_to_the_limit(void **state) {
    (void)state;
    struct shm_manager *m = open_manager(3, true);
    struct shm_block b;
    assert_int_equal(shm_manager_count(m), 1);
    for (int i = 0; i < 3; i++)
        assert_ok(shm_manager_alloc(m, MIB, 0, &b));
    assert_int_equal(shm_manager_count(m), 3);
    assert_int_equal(names_with(name), 3);
    assert_code(shm_manager_alloc(m, 64, 0, &b), SHM_ARENA_NO_MEMORY);
    assert_ok(shm_manager_free(m, b.arena_id, b.offset));
    assert_ok(shm_manager_alloc(m, 64, 0, &b));
    assert_code(shm_manager_alloc(m, 2 * MIB, 0, &b), SHM_ARENA_NO_MEMORY);
    assert_non_null(shm_manager_pool(m, 2));
    assert_null(shm_manager_pool(m, 3));
    shm_manager_close(m);
    assert_int_equal(names_with(name), 0);
}

static struct shm_block passed[3];

static int find_and_free(void *unused) {
    (void)unused;
    struct shm_arena_options o = SHM_ARENA_OPTIONS_INIT;
    struct shm_manager *m;
    o.size = MIB;
    if (shm_manager_open(name, &o, 8, false, &m))
        return 1;
    for (int i = 2; i >= 0; i--) { /* the last pool first: it must be looked for */
        char *text = shm_manager_address(m, passed[i].arena_id, passed[i].offset);
        if (!text || text[0] != 'a' + i ||
            shm_manager_free(m, passed[i].arena_id, passed[i].offset))
            return 2;
    }
    int code = shm_manager_free(m, 12345, 4096) == SHM_ARENA_NOT_FOUND ? 0 : 3;
    shm_manager_close(m);
    return code;
}

static void another_process_finds_every_pool(void **state) {
    (void)state;
    struct shm_manager *m = open_manager(8, true);
    for (int i = 0; i < 3; i++) {
        assert_ok(shm_manager_alloc(m, 900 * KIB, 0, &passed[i]));
        *(char *)passed[i].address = (char)('a' + i);
    }
    assert_int_equal(in_child(find_and_free, NULL), 0);
    for (int i = 0; i < 3; i++)
        assert_code(shm_manager_free(m, passed[i].arena_id, passed[i].offset),
                    SHM_ARENA_NOT_A_BLOCK);
    assert_int_equal(names_with(name), 3); /* the child did not own the names */
    shm_manager_close(m);
}

static int open_and_exit(void *unused) {
    (void)unused;
    open_manager(2, true);
    exit(0); /* runs what is registered for the exit */
}

static void names_are_removed_at_exit(void **state) {
    (void)state;
    assert_int_equal(in_child(open_and_exit, NULL), 0);
    assert_int_equal(names_with(name), 0);
}

static int exit_only(void *unused) {
    (void)unused;
    exit(0);
}

static void a_forked_child_does_not_clean_up_for_its_parent(void **state) {
    (void)state;
    struct shm_manager *m = open_manager(2, true);
    assert_int_equal(in_child(exit_only, NULL), 0);
    assert_int_equal(names_with(name), 1);
    shm_manager_close(m);
}

/* Takes three blocks and gives the number that it got; 100 and more is an error. */
static int race(void *unused) {
    (void)unused;
    struct shm_block b;
    struct shm_manager *m = open_manager(4, false);
    int got = 0, error = SHM_ARENA_OK;
    while (got < 3 && !(error = shm_manager_alloc(m, 400 * KIB, 0, &b)))
        got++;
    shm_manager_close(m);
    return error && error != SHM_ARENA_NO_MEMORY ? 100 : got;
}

static void processes_that_create_at_once_get_the_same_pool(void **state) {
    (void)state;
    pid_t children[4];
    for (int i = 0; i < 4; i++) {
        children[i] = fork();
        if (!children[i])
            _exit(race(NULL));
    }
    int status, blocks = 0;
    for (int i = 0; i < 4; i++) {
        waitpid(children[i], &status, 0);
        assert_true(WIFEXITED(status));
        blocks += WEXITSTATUS(status);
    }
    /* twelve blocks of 400 KiB, two to a pool: the limit of four pools lets eight through */
    assert_int_equal(blocks, 8);
    assert_int_equal(shm_manager_remove(name), 4);
}

static void a_node_has_pools_of_its_own(void **state) {
    (void)state;
    struct shm_manager *m = open_manager(4, true);
    struct shm_block b;
    char wanted[96];
    shm_manager_per_node(m, true);
    assert_ok(shm_manager_alloc(m, 4096, 0, &b));
    assert_int_equal(shm_manager_count(m), 2);
    const char *last = shm_arena_name(shm_manager_pool(m, 1));
    unsigned node, index;
    snprintf(wanted, sizeof wanted, "/%s.", name);
    assert_memory_equal(last, wanted, strlen(wanted));
    assert_int_equal(sscanf(last + strlen(wanted), "%u.%u", &node, &index), 2);
    assert_int_equal(index, 0);
    assert_non_null(shm_manager_address(m, b.arena_id, b.offset));
    shm_manager_close(m);
}

static void senseless_managers_are_refused(void **state) {
    (void)state;
    struct shm_arena_options o = SHM_ARENA_OPTIONS_INIT;
    struct shm_manager *m;
    assert_code(shm_manager_open("a/b", &o, 1, true, &m), SHM_ARENA_INVALID);
    assert_code(shm_manager_open("", &o, 1, true, &m), SHM_ARENA_INVALID);
    assert_code(shm_manager_open(name, &o, 0, true, &m), SHM_ARENA_INVALID);
    assert_code(shm_manager_open(name, NULL, 1, true, &m), SHM_ARENA_INVALID);
    shm_manager_close(NULL);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static struct shm_manager *shared_manager;
static volatile bool growing;

/* Holds the manager's lock most of the time: it asks for pools that nobody has. */
static void *look_for_pools(void *unused) {
    while (growing)
        shm_manager_address(shared_manager, 12345, 4096);
    return unused;
}

static int use_the_lock(void *unused) {
    (void)unused;
    alarm(10);
    return shm_manager_address(shared_manager, 12345, 4096) != NULL;
}

static void a_child_is_not_stopped_by_a_lock_of_its_parents_threads(void **state) {
    (void)state;
    struct shm_arena_options o = SHM_ARENA_OPTIONS_INIT;
    char name[64];
    pthread_t thread;
    o.size = MIB;
    snprintf(name, sizeof name, "test-fork-%d", getpid());
    assert_ok(shm_manager_open(name, &o, 2, true, &shared_manager));
    growing = true;
    assert_int_equal(pthread_create(&thread, NULL, look_for_pools, NULL), 0);
    int bad = 0;
    for (int i = 0; i < 50 && !bad; i++)
        bad += in_child(use_the_lock, NULL) != 0;
    growing = false;
    pthread_join(thread, NULL);
    shm_manager_close(shared_manager);
    assert_int_equal(bad, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(pools_are_added_on_demand_up_to_the_limit),
        TEST(another_process_finds_every_pool),
        TEST(names_are_removed_at_exit),
        TEST(a_forked_child_does_not_clean_up_for_its_parent),
        TEST(processes_that_create_at_once_get_the_same_pool),
        TEST(a_node_has_pools_of_its_own),
        TEST(senseless_managers_are_refused),
        cmocka_unit_test(a_child_is_not_stopped_by_a_lock_of_its_parents_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
