/* Several processes on one pool: frees of others' blocks, fork, exit, death, and who owns what. */
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static struct shm_arena *arena;
static _Atomic uint64_t *board; /* memory that parent and children share beside the pool */

static int open_pool(void **state) {
    arena = pool_of(16 * MIB, *state ? SHM_ARENA_RECLAIM_BLOCKS : 0);
    board = mmap(NULL, 64 * KIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return board == MAP_FAILED;
}

static int close_pool(void **state) {
    (void)state;
    munmap((void *)board, 64 * KIB);
    shm_arena_detach(arena);
    return 0;
}

static bool exited_well(int status) {
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int free_all_shared(void *count) {
    for (int i = 0; i < *(int *)count; i++)
        if (shm_arena_free(arena, board[i]))
            return 1;
    return 0;
}

static void a_block_is_freed_by_another_process(void **state) {
    (void)state;
    int count = 1000;
    for (int i = 0; i < count; i++)
        board[i] = alloc_offset(arena, 64 + (size_t)i * 7);
    assert_true(exited_well(in_child(free_all_shared, &count)));
    assert_int_equal(stats_of(arena).live_count, 0);
    assert_code(shm_arena_free(arena, board[0]), SHM_ARENA_NOT_A_BLOCK);
}

static int allocate_on_board(void *count) {
    struct shm_block b;
    for (int i = 0; i < *(int *)count; i++) {
        if (shm_arena_alloc(arena, 5000, 0, &b))
            return 1;
        memcpy(b.address, &b.offset, sizeof b.offset);
        board[i] = b.offset;
    }
    return 0;
}

static void blocks_of_an_exited_child_hold_their_content(void **state) {
    (void)state;
    int count = 500;
    assert_true(exited_well(in_child(allocate_on_board, &count)));
    shm_arena_recover(arena);
    for (int i = 0; i < count; i++) {
        assert_memory_equal(shm_arena_address(arena, board[i]), (void *)&board[i], sizeof board[i]);
        assert_ok(shm_arena_free(arena, board[i]));
    }
    assert_whole(arena);
}

static int churn(void *seed) {
    uint64_t random = *(uint64_t *)seed * 7919 + 1, held[50] = {0};
    struct shm_arena *own;
    if (shm_arena_attach_fd(shm_arena_fd(arena), 0, &own))
        return 1;
    for (int i = 0; i < 30000; i++) {
        uint64_t *mine = &held[next_random(&random) % 50];
        struct shm_block b;
        if (*mine) {
            uint64_t *there = shm_arena_address(own, *mine);
            if (*there != (*mine ^ *(uint64_t *)seed) || shm_arena_free(own, *mine))
                return 2;
            *mine = 0;
        } else if (!shm_arena_alloc(own, 64 + next_random(&random) % 70000, 0, &b)) {
            *(uint64_t *)b.address = b.offset ^ *(uint64_t *)seed;
            *mine = b.offset;
        }
    }
    for (int i = 0; i < 50; i++)
        if (held[i] && shm_arena_free(own, held[i]))
            return 3;
    shm_arena_detach(own);
    return 0;
}

static void eight_processes_share_a_pool(void **state) {
    (void)state;
    pid_t children[8];
    for (uint64_t i = 0; i < 8; i++) {
        children[i] = fork();
        if (!children[i])
            _exit(churn(&i));
    }
    for (int i = 0; i < 8; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(exited_well(status));
    }
    shm_arena_recover(arena);
    assert_int_equal(stats_of(arena).live_count, 0);
    assert_whole(arena);
}

static bool owner_of_visited(void *owner, const struct shm_block *b, int pid) {
    (void)b;
    *(int *)owner = pid;
    return true;
}

static int use_and_exit(void *unused) {
    (void)unused;
    uint64_t offset = alloc_offset(arena, 4096);
    shm_arena_free(arena, offset);
    exit(0); /* without detaching */
}

static void reserves_are_returned_at_exit(void **state) {
    (void)state;
    assert_true(exited_well(in_child(use_and_exit, NULL)));
    assert_int_equal(stats_of(arena).reserved_bytes, 0);
}

static int check_ownership(void *unused) {
    (void)unused;
    int owner = -1;
    alloc_offset(arena, 4096);
    shm_arena_each_block(arena, owner_of_visited, &owner);
    return owner == getpid() && stats_of(arena).processes == 2 ? 0 : 1;
}

static void a_forked_child_becomes_a_process_of_its_own(void **state) {
    (void)state;
    uint64_t warm = alloc_offset(
        arena, 4096); /* the parent has a slot in hand that the child must not go on with */
    assert_ok(shm_arena_free(arena, warm));
    assert_true(exited_well(in_child(check_ownership, NULL)));
}

static int allocate_and_die(void *what) {
    int count = 20;
    allocate_on_board(&count);
    board[20] = alloc_offset(arena, 300 * KIB);
    if (what) {
        shm_arena_share(arena, board[3]);
        shm_arena_share(arena, board[20]);
    }
    kill(getpid(), SIGKILL);
    return 0;
}

static void blocks_of_the_dead_stay_by_default(void **state) {
    (void)state;
    assert_true(WIFSIGNALED(in_child(allocate_and_die, NULL)));
    assert_int_equal(stats_of(arena).processes, 2);
    assert_int_equal(shm_arena_recover(arena), 1);
    assert_int_equal(shm_arena_recover(arena), 0);
    struct shm_arena_stats s = stats_of(arena);
    assert_int_equal(s.processes, 1);
    assert_int_equal(s.live_count, 21);
    assert_int_equal(s.recovered_processes, 1);
    assert_int_equal(s.recovered_blocks, 0);
    for (int i = 0; i <= 20; i++)
        assert_ok(shm_arena_free(arena, board[i]));
    assert_whole(arena);
}

static void blocks_of_the_dead_are_freed_where_that_was_agreed(void **state) {
    (void)state;
    int shared = 1;
    assert_true(WIFSIGNALED(in_child(allocate_and_die, &shared)));
    assert_int_equal(shm_arena_recover(arena), 1);
    struct shm_arena_stats s = stats_of(arena);
    assert_int_equal(s.live_count, 2); /* those that it had shared */
    assert_int_equal(s.recovered_blocks, 19);
    assert_ok(shm_arena_free(arena, board[3]));
    assert_ok(shm_arena_free(arena, board[20]));
    assert_whole(arena);
}

static int take_board_0(void *unused) {
    (void)unused;
    shm_arena_take(arena, board[0]);
    kill(getpid(), SIGKILL);
    return 0;
}

static void a_block_dies_with_whoever_took_it(void **state) {
    (void)state;
    board[0] = alloc_offset(arena, 4096);
    assert_true(WIFSIGNALED(in_child(take_board_0, NULL)));
    assert_int_equal(shm_arena_recover(arena), 1);
    assert_code(shm_arena_free(arena, board[0]), SHM_ARENA_NOT_A_BLOCK);
}

static void running_out_of_memory_buries_the_dead_by_itself(void **state) {
    (void)state;
    assert_true(WIFSIGNALED(in_child(allocate_and_die, NULL)));
    assert_int_equal(stats_of(arena).live_count, 21);
    alloc_offset(arena, 16 * MIB);
    assert_int_equal(stats_of(arena).recovered_processes, 1);
}

static int die_at_once(void *unused) {
    (void)unused;
    alloc_offset(arena, 4096);
    kill(getpid(), SIGKILL);
    return 0;
}

static void the_dead_make_room_in_the_process_table(void **state) {
    (void)state;
    struct shm_arena_options o = SHM_ARENA_OPTIONS_INIT;
    struct shm_arena *other;
    o.size = 2 * MIB;
    o.max_processes = 2;
    o.flags = SHM_ARENA_RECLAIM_BLOCKS;
    shm_arena_detach(arena);
    assert_ok(shm_arena_create(&o, &arena));
    for (int i = 0; i < 5; i++) {
        assert_true(WIFSIGNALED(in_child(die_at_once, NULL)));
        assert_ok(shm_arena_attach_fd(shm_arena_fd(arena), 0, &other));
        assert_int_equal(stats_of(other).live_count, 0);
        shm_arena_detach(other);
    }
    assert_whole(arena);
}

static void a_death_is_noticed_while_waiting(void **state) {
    (void)state;
    assert_int_equal(shm_arena_wait_for_death(arena, 20), 0);
    pid_t child = fork();
    if (!child) {
        alloc_offset(arena, 4096);
        board[0] = 1;
        for (;;)
            pause();
    }
    while (!board[0])
        usleep(1000);
    assert_int_equal(shm_arena_wait_for_death(arena, 20), 0);
    kill(child, SIGKILL);
    assert_int_equal(shm_arena_wait_for_death(arena, 10000), 1); /* before anyone has reaped it */
    waitpid(child, NULL, 0);
}

static void a_living_process_is_never_recovered(void **state) {
    (void)state;
    struct shm_arena *other = attach_again(arena);
    uint64_t offset = alloc_offset(other, 4096);
    assert_int_equal(shm_arena_recover(arena), 0);
    assert_ok(shm_arena_free(arena, offset));
    shm_arena_detach(other);
    assert_int_equal(stats_of(arena).processes, 1);
}

#define KEEP(name)    cmocka_unit_test_prestate_setup_teardown(name, open_pool, close_pool, NULL)
#define RECLAIM(name) cmocka_unit_test_prestate_setup_teardown(name, open_pool, close_pool, &arena)

/* ---- fork at any time ---- */

static volatile sig_atomic_t forks_wanted, bad_children;

/* A child of a signal handler or of a thread uses the pool, and ends. */
static void fork_a_user(void) {
    struct shm_block b;
    int status = 0;
    pid_t child = fork();
    if (!child) {
        alarm(20); /* it would wait for ever if a lock were held over the fork */
        _exit(shm_arena_alloc(arena, 3000, 0, &b) || shm_arena_free(arena, b.offset));
    }
    bad_children += child < 0 || waitpid(child, &status, 0) != child || !exited_well(status);
    forks_wanted--;
}

static void fork_on_signal(int signal) {
    (void)signal;
    if (forks_wanted > 0)
        fork_a_user();
}

static void *attach_and_detach(void *unused) {
    (void)unused;
    while (forks_wanted > 0) {
        struct shm_arena *other;
        if (!shm_arena_attach_fd(shm_arena_fd(arena), 0, &other))
            shm_arena_detach(other);
    }
    return NULL;
}

static int forking_in_a_handler(void *unused) {
    struct sigaction action = {.sa_handler = fork_on_signal};
    struct itimerval often = {{0, 300}, {0, 300}};
    alarm(60);
    forks_wanted = 200;
    sigaction(SIGPROF, &action, NULL);
    setitimer(ITIMER_PROF, &often, NULL);
    attach_and_detach(unused);
    return bad_children != 0;
}

static int forking_beside_a_thread(void *unused) {
    pthread_t thread;
    alarm(60);
    forks_wanted = 200;
    if (pthread_create(&thread, NULL, attach_and_detach, unused))
        return 1;
    while (forks_wanted > 0)
        fork_a_user();
    return pthread_join(thread, NULL) || bad_children != 0;
}

static void a_signal_handler_may_fork_at_any_time(void **state) {
    (void)state;
    assert_true(exited_well(in_child(forking_in_a_handler, NULL)));
}

static void a_thread_may_fork_while_another_attaches(void **state) {
    (void)state;
    assert_true(exited_well(in_child(forking_beside_a_thread, NULL)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        KEEP(a_block_is_freed_by_another_process),
        KEEP(blocks_of_an_exited_child_hold_their_content),
        KEEP(eight_processes_share_a_pool),
        KEEP(reserves_are_returned_at_exit),
        KEEP(a_forked_child_becomes_a_process_of_its_own),
        KEEP(blocks_of_the_dead_stay_by_default),
        RECLAIM(blocks_of_the_dead_are_freed_where_that_was_agreed),
        RECLAIM(a_block_dies_with_whoever_took_it),
        RECLAIM(running_out_of_memory_buries_the_dead_by_itself),
        KEEP(the_dead_make_room_in_the_process_table),
        KEEP(a_death_is_noticed_while_waiting),
        KEEP(a_living_process_is_never_recovered),
        KEEP(a_signal_handler_may_fork_at_any_time),
        KEEP(a_thread_may_fork_while_another_attaches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
