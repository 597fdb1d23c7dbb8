/* Limits of the process: file size, address space, descriptors, signals that interrupt calls. The
 * library answers with a code, loses nothing, and what it has handed out can be touched. Each test
 * runs in a child. */
#include "exhaustion.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

/* In place of libc's: as older kernels behave where a signal comes during each call. */
static bool interrupting;
int fallocate(int fd, int mode, off_t offset, off_t length) {
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    if (interrupting && !sigismember(&blocked, SIGALRM)) {
        errno = EINTR;
        return -1;
    }
    return (int)syscall(SYS_fallocate, fd, mode, offset, length);
}

static int create_with_backend(enum shm_arena_backend backend, struct shm_arena **a) {
    struct shm_arena_options o = SHM_ARENA_OPTIONS_INIT;
    o.backend = backend;
    o.name = backend == SHM_ARENA_FILE ? "./pool.test" : NULL;
    return shm_arena_create(&o, a);
}

static int beyond_the_file_limit(void) {
    struct rlimit limit = {MIB, MIB};
    struct shm_arena *a;
    sigset_t pending, xfsz;
    sigemptyset(&xfsz);
    sigaddset(&xfsz, SIGXFSZ);
    CHECK(!setrlimit(RLIMIT_FSIZE, &limit));
    for (int backend = SHM_ARENA_MEMFD; backend <= SHM_ARENA_FILE; backend++) {
        errno = 0;
        CHECK(create_with_backend((enum shm_arena_backend)backend, &a) == SHM_ARENA_SYSTEM &&
              errno == EFBIG);
        CHECK(!sigpending(&pending) && !sigismember(&pending, SIGXFSZ));
    }
    CHECK(access("./pool.test", F_OK));
    /* a signal of someone else that waits goes on waiting */
    CHECK(!sigprocmask(SIG_BLOCK, &xfsz, NULL) && !raise(SIGXFSZ));
    CHECK(create_with_backend(SHM_ARENA_MEMFD, &a) == SHM_ARENA_SYSTEM && errno == EFBIG);
    CHECK(!sigpending(&pending) && sigismember(&pending, SIGXFSZ));
    CHECK(!signal(SIGXFSZ, SIG_IGN)); /* and the program's way with it is as it was */
    return 0;
}

static int attached_by_the_limited(void *arena) {
    struct rlimit limit = {MIB, MIB};
    struct shm_block b;
    CHECK(!setrlimit(RLIMIT_FSIZE, &limit));
    CHECK(!shm_arena_alloc(arena, 3 * MIB, 0, &b)); /* beyond the limit, in a file that is there */
    memset(b.address, 1, b.size);
    return 0;
}

static int attaching_with_a_file_limit(void) {
    struct shm_arena *a;
    CHECK(!create_with_backend(SHM_ARENA_MEMFD, &a));
    return in_child(attached_by_the_limited, a) != 0;
}

static int without_address_space(void) {
    struct rlimit limit = {256 * MIB, 256 * MIB};
    struct shm_arena_options o = SHM_ARENA_OPTIONS_INIT;
    struct shm_arena *a;
    CHECK(!setrlimit(RLIMIT_AS, &limit));
    o.size = (size_t)1 << 30;
    CHECK(shm_arena_create(&o, &a) == SHM_ARENA_SYSTEM && errno == ENOMEM);
    return 0;
}

static int without_descriptors(void) {
    struct rlimit limit;
    struct shm_arena *a, *other;
    CHECK(!create_with_backend(SHM_ARENA_MEMFD, &a) && !getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = (rlim_t)dup(0); /* the next number */
    CHECK(!setrlimit(RLIMIT_NOFILE, &limit));
    CHECK(create_with_backend(SHM_ARENA_MEMFD, &other) == SHM_ARENA_SYSTEM && errno == EMFILE);
    CHECK(shm_arena_attach_fd(shm_arena_fd(a), 0, &other) == SHM_ARENA_SYSTEM && errno == EMFILE);
    CHECK(allocate_all(a) == SHM_ARENA_NO_MEMORY || held_count == MOST_HELD);
    touch_all();
    CHECK(shm_arena_recover(a) == 0);
    return free_all(a);
}

static void nothing(int signal) {
    (void)signal;
}

static unsigned long resident_kib(void) {
    unsigned long kib = 0;
    char line[128];
    FILE *file = fopen("/proc/self/status", "r");
    while (file && !kib && fgets(line, sizeof line, file))
        sscanf(line, "RssShmem: %lu kB", &kib);
    if (file)
        fclose(file);
    return kib;
}

static int amid_signals(void) {
    struct sigaction action = {.sa_handler = nothing}; /* without SA_RESTART */
    struct itimerval often = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
    struct shm_arena_options o = SHM_ARENA_OPTIONS_INIT;
    struct shm_arena *a;
    struct shm_block b;
    o.size = 256 * MIB;
    interrupting = true;
    CHECK(!sigaction(SIGALRM, &action, NULL) && !setitimer(ITIMER_REAL, &often, NULL));
    CHECK(!shm_arena_create(&o, &a));
    CHECK(!shm_arena_alloc(a, 200 * MIB, 0, &b)); /* some 50 ms in the kernel */
    CHECK(!setitimer(ITIMER_REAL, &never, NULL));
    CHECK(resident_kib() <
          100 * KIB); /* taken for the file, not by way of this process's mapping */
    return 0;
}

/* A daemon closes all descriptors, and its own files get their numbers. */
static int after_closing_all(void) {
    struct shm_arena *a;
    struct stat status;
    char path[] = "/tmp/shm-arena-XXXXXX";
    CHECK(!create_with_backend(SHM_ARENA_MEMFD, &a));
    int number = shm_arena_fd(a), own = mkstemp(path), ends[2];
    CHECK(own >= 0 && !unlink(path) && dup2(own, number) == number);
    CHECK(!pipe(ends) && shm_arena_send(a, ends[1]) == SHM_ARENA_SYSTEM && errno == EBADF);
    CHECK(allocate_all(a) == SHM_ARENA_NO_MEMORY || held_count == MOST_HELD);
    touch_all();
    CHECK(all_as_written());
    CHECK(!fstat(own, &status) && status.st_size == 0 && status.st_blocks == 0);
    if (free_all(a))
        return 1;
    shm_arena_detach(a);
    CHECK(!fstat(number, &status)); /* the program's, and still open */
    return 0;
}

#define IN_CHILD(name, body)                                                                       \
    static void name(void **state) {                                                               \
        (void)state;                                                                               \
        expect_success_in_child(body);                                                             \
    }
IN_CHILD(a_file_size_limit_is_an_error_and_no_signal, beyond_the_file_limit)
IN_CHILD(a_pool_longer_than_the_file_size_limit_can_be_used, attaching_with_a_file_limit)
IN_CHILD(too_little_address_space_is_an_error, without_address_space)
IN_CHILD(without_descriptors_allocation_goes_on, without_descriptors)
IN_CHILD(a_storm_of_signals_stops_no_allocation, amid_signals)
IN_CHILD(a_program_that_closed_the_descriptor_loses_no_file_of_its_own, after_closing_all)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_size_limit_is_an_error_and_no_signal),
        cmocka_unit_test(a_pool_longer_than_the_file_size_limit_can_be_used),
        cmocka_unit_test(too_little_address_space_is_an_error),
        cmocka_unit_test(without_descriptors_allocation_goes_on),
        cmocka_unit_test(a_storm_of_signals_stops_no_allocation),
        cmocka_unit_test(a_program_that_closed_the_descriptor_loses_no_file_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
