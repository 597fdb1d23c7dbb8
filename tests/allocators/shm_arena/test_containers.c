/* Processes in PID namespaces of their own, as containers are: their pids mean nothing to the
 * others. Dead processes are detected anyway, and living ones are not taken for dead. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ENTRIES = 4, RESTARTS = 10 * ENTRIES };

static struct shm_arena *arena;
static _Atomic int
    *shared; /* [0]: 1 when the process in the container is ready, 2 on its failure */

static int open_pool(void **state) {
    struct shm_arena_options o = SHM_ARENA_OPTIONS_INIT;
    o.size = 16 * MIB;
    o.max_processes = ENTRIES;
    o.flags = SHM_ARENA_RECLAIM_BLOCKS;
    o.backend = *state ? SHM_ARENA_SHM : SHM_ARENA_MEMFD;
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shm_arena_create(&o, &arena) != SHM_ARENA_OK || shared == MAP_FAILED;
}

static int close_pool(void **state) {
    (void)state;
    shm_arena_destroy(arena);
    munmap((void *)shared, 4096);
    return 0;
}

static void tell(int what) {
    atomic_store(&shared[0], what);
}

/* The outer process makes the namespace and waits; its child, the container's init, starts the
 * process under test and outlives it. */
static void run_container(void (*body)(void)) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (unshare(CLONE_NEWPID)) {
        tell(3);
        _exit(0);
    }
    pid_t init = fork();
    if (!init) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pid_t tested = fork();
        if (!tested) {
            body();
            _exit(0);
        }
        waitpid(tested, NULL, 0);
        atomic_store(&shared[1], 1); /* it is dead, and the container lives */
        for (;;)
            pause();
    }
    atomic_store(&shared[2], init);
    waitpid(init, NULL, 0);
    _exit(0);
}

static void wait_for_value(int place) {
    for (int spins = 0; !atomic_load(&shared[place]); spins++) {
        assert_true(spins < 20000);
        usleep(1000);
    }
}

/* Starts one and waits for its first word. */
static pid_t start(void (*body)(void)) {
    for (int i = 0; i < 8; i++)
        atomic_store(&shared[i], 0);
    pid_t outer = fork();
    assert_true(outer >= 0);
    if (!outer)
        run_container(body);
    wait_for_value(0);
    if (atomic_load(&shared[0]) == 3) {
        waitpid(outer, NULL, 0);
        print_message("    needs the right to make a PID namespace (root)\n");
        skip();
    }
    assert_int_equal(atomic_load(&shared[0]), 1);
    return outer;
}

/* Ends the container with all in it. */
static void stop(pid_t outer) {
    assert_int_equal(kill(atomic_load(&shared[2]), SIGKILL), 0);
    assert_int_equal(waitpid(outer, NULL, 0), outer);
}

static void attach_and_allocate(struct shm_arena **mine) {
    struct shm_block b;
    int error = shm_arena_attach_fd(shm_arena_fd(arena), 0, mine);
    for (int i = 0; !error && i < 20; i++) {
        error = shm_arena_alloc(*mine, i % 2 ? 5000 : 100000, 0, &b);
        if (!error)
            memset(b.address, 1, b.size);
    }
    if (!error)
        return;
    fprintf(stderr, "in the container: %s\n", shm_arena_error_text(error));
    tell(2);
    _exit(1);
}

static void work_until_killed(void) {
    struct shm_arena *mine;
    attach_and_allocate(&mine);
    tell(1);
    for (;;)
        pause();
}

static void assert_all_came_back(void) {
    while (shm_arena_recover(arena))
        ;
    assert_int_equal(stats_of(arena).processes, 1);
    assert_int_equal(stats_of(arena).live_count, 0);
    assert_whole(arena);
}

static void containers_that_restart_do_not_fill_the_process_table(void **state) {
    (void)state;
    for (int i = 0; i < RESTARTS; i++)
        stop(start(work_until_killed));
    assert_int_equal(stats_of(arena).recovered_processes + stats_of(arena).processes, RESTARTS + 1);
    assert_all_came_back();
}

/* Works when told to, also after others checked whether it is dead. */
static void work_when_asked(struct shm_arena *mine) {
    struct shm_block b;
    tell(1);
    while (!atomic_load(&shared[3]))
        usleep(1000);
    bool well = !shm_arena_alloc(mine, 30000, 0, &b) && !shm_arena_free(mine, b.offset);
    atomic_store(&shared[4], well ? 1 : 2);
    for (;;)
        pause();
}

static void live(void) {
    struct shm_arena *mine;
    attach_and_allocate(&mine);
    work_when_asked(mine);
}

static void live_without_descriptors(void) {
    struct shm_arena *mine;
    attach_and_allocate(&mine);
    for (int fd = 3; fd < 1000; fd++)
        close(fd);
    work_when_asked(mine);
}

static void assert_it_lives(pid_t outer) {
    uint64_t blocks = stats_of(arena).live_count;
    for (int i = 0; i < 10; i++)
        assert_int_equal(shm_arena_recover(arena), 0);
    struct shm_arena *second = attach_again(arena), *third = attach_again(arena), *none;
    assert_code(shm_arena_attach_fd(shm_arena_fd(arena), 0, &none), SHM_ARENA_TOO_MANY_PROCESSES);
    shm_arena_detach(second);
    shm_arena_detach(third);
    assert_int_equal(blocks, 20);
    assert_int_equal(stats_of(arena).live_count, blocks);
    atomic_store(&shared[3], 1);
    wait_for_value(4);
    assert_int_equal(atomic_load(&shared[4]), 1);
    stop(outer);
    assert_int_equal(shm_arena_recover(arena), 1);
    assert_all_came_back();
}

static void a_living_process_of_a_container_is_not_taken_for_dead(void **state) {
    (void)state;
    assert_it_lives(start(live));
}

static void nor_is_one_that_closed_all_its_descriptors(void **state) {
    (void)state;
    assert_it_lives(start(live_without_descriptors));
}

/* Waits for the end of the process under test while its container lives on. */
static void assert_found_dead(pid_t outer) {
    wait_for_value(1);
    assert_int_equal(shm_arena_recover(arena), 1);
    assert_all_came_back();
    stop(outer);
}

static void leave_a_child(bool by_raw_clone) {
    struct shm_arena *mine;
    attach_and_allocate(&mine);
    pid_t child = by_raw_clone ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
    if (!child)
        for (;;)
            pause();
    tell(child > 0 ? 1 : 2);
    raise(SIGKILL);
}

static void leave_a_forked_child(void) {
    leave_a_child(false);
}

static void leave_a_cloned_child(void) {
    leave_a_child(true);
}

static void execute_another_program(void) {
    struct shm_arena *mine;
    attach_and_allocate(&mine);
    atomic_store(&shared[1], 1);
    tell(1);
    execlp("sleep", "sleep", "100", (char *)NULL);
    _exit(1);
}

static void a_child_that_never_attached_does_not_keep_the_dead_alive(void **state) {
    (void)state;
    assert_found_dead(start(leave_a_forked_child));
}

static void nor_does_one_that_no_fork_handler_saw(void **state) {
    (void)state;
    assert_found_dead(start(leave_a_cloned_child));
}

static void who_executes_another_program_has_left(void **state) {
    (void)state;
    pid_t outer = start(execute_another_program);
    int found = 0;
    for (int spins = 0; !found && spins < 5000; spins++, usleep(1000))
        found = shm_arena_recover(arena);
    assert_int_equal(found, 1);
    assert_all_came_back();
    stop(outer);
}

static void die_soon(void) {
    struct shm_arena *mine;
    attach_and_allocate(&mine);
    tell(1);
    usleep(300000);
    raise(SIGKILL);
}

static void waiting_for_death_sees_that_in_a_container(void **state) {
    (void)state;
    pid_t outer = start(die_soon);
    assert_int_equal(shm_arena_wait_for_death(arena, 20000), 1);
    assert_all_came_back();
    stop(outer);
    assert_int_equal(shm_arena_wait_for_death(arena, 1), 0);
}

/* Without /proc the descriptor of a memfd cannot be opened anew: then a pid must do, and the
 * process of another namespace counts as alive. */
static int attach_without_proc(void *unused) {
    (void)unused;
    struct shm_arena *mine;
    if (chroot("/dev/shm") || chdir("/"))
        return 77;
    attach_and_allocate(&mine);
    raise(SIGKILL);
    return 0;
}

static void without_proc_the_pid_tells(void **state) {
    (void)state;
    int status = in_child(attach_without_proc, NULL);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_true(WIFSIGNALED(status));
    assert_int_equal(shm_arena_recover(arena), 1);
    assert_all_came_back();
}

/* A user who locks the file to its end, as lockf(3) does, keeps nobody out. */
static void a_lock_of_the_user_on_the_file_keeps_nobody_out(void **state) {
    (void)state;
    struct flock rest = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", shm_arena_fd(arena));
    int fd = open(path, O_RDWR);
    rest.l_start = ((off_t)1 << 62) + 1; /* the creator has the byte before */
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &rest), 0);
    struct shm_arena *other = attach_again(arena);
    assert_int_equal(shm_arena_recover(arena), 0);
    alloc_offset(other, 100);
    assert_int_equal(shm_arena_recover(other), 0);
    shm_arena_detach(other);
    close(fd);
}

#define ON_MEMFD(name) cmocka_unit_test_setup_teardown(name, open_pool, close_pool)
#define ON_SHM(name)                                                                               \
    { #name " (POSIX)", name, open_pool, close_pool, (void *)1 }

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_MEMFD(containers_that_restart_do_not_fill_the_process_table),
        ON_SHM(containers_that_restart_do_not_fill_the_process_table),
        ON_MEMFD(a_living_process_of_a_container_is_not_taken_for_dead),
        ON_SHM(a_living_process_of_a_container_is_not_taken_for_dead),
        ON_MEMFD(nor_is_one_that_closed_all_its_descriptors),
        ON_MEMFD(a_child_that_never_attached_does_not_keep_the_dead_alive),
        ON_MEMFD(nor_does_one_that_no_fork_handler_saw),
        ON_MEMFD(who_executes_another_program_has_left),
        ON_MEMFD(waiting_for_death_sees_that_in_a_container),
        ON_MEMFD(without_proc_the_pid_tells),
        ON_MEMFD(a_lock_of_the_user_on_the_file_keeps_nobody_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
