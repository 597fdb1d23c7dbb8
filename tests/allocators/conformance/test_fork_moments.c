/* fork at moments when a lock of malloc's would hang the program: in a signal handler that
 * interrupted malloc or fork, while other threads allocate under a lock that libc's fork takes, and
 * among fork handlers of others that allocate. */
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { HANDLER_FORKS = 300, FORKS = 200, KEPT = 256, LARGEST = 200000, SECONDS = 60 };

/* libc's malloc, interrupted in the middle of a change, may abort in a child that allocates in the
 * handler; that a child may exit and execute is promised. Ours promises both. */
static bool may_allocate_in_handlers(void) {
    const char *provider = getenv("EXPECT_MALLOC_FROM");
#ifdef SLOTMALLOC_TESTS_PREFIXED_H
    provider = "slotmalloc";
#endif
    return provider != NULL && strstr(provider, "slotmalloc") != NULL;
}

static void *kept[KEPT];
static volatile sig_atomic_t forks;
static volatile sig_atomic_t generation; /* 1 in a child that goes on with what its parent did */
static volatile sig_atomic_t failed_status;

/* ---- handlers that fork ---- */

/* What may be done in a child of a handler: allocate, execute, exit. */
static void live_in_handler(unsigned turn) {
    alarm(20);
    if (turn % 4 == 0) {
        execl("/bin/true", "true", (char *)NULL);
    }
    if (turn % 4 != 1 && may_allocate_in_handlers()) {
        void *blocks[20];
        for (size_t i = 0; i < 20; i++) {
            blocks[i] = malloc(16u << (i % 14));
            memset(blocks[i], 0xA5, 16u << (i % 14));
        }
        for (size_t i = 0; i < 20; i++) {
            free(blocks[i]);
        }
    }
    _exit(0);
}

static void fork_in_handler(int signal) {
    (void)signal;
    int kept_errno = errno, status = 0;
    pid_t child = fork();
    if (child == 0) {
        live_in_handler((unsigned)forks);
    }
    if (child > 0 && waitpid(child, &status, 0) == child && status != 0) {
        failed_status = status;
    }
    forks = forks + 1;
    errno = kept_errno;
}

static timer_t timer;

static void storm_start(clockid_t clock, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    require(sigaction(SIGUSR1, &action, NULL) == 0);
    require(timer_create(clock, &event, &timer) == 0);
}

/* Brings the next signal up to half a millisecond of the clock from now. */
static void storm_next(uint64_t *random) {
    struct itimerspec once = {.it_value = {0, 1 + (long)(random_next(random) % 500000)}};
    require(timer_settime(timer, 0, &once, NULL) == 0 || generation == 1); /* not inherited */
}

static void storm_end(void) {
    require(timer_delete(timer) == 0);
    require(failed_status == 0);
}

static void replace_some(uint64_t *random) {
    for (size_t i = 0; i < 200; i++) {
        void **entry = &kept[random_next(random) % KEPT];
        free(*entry);
        *entry = malloc(random_size(random, LARGEST));
        require(*entry != NULL);
    }
}

static void allocate_in_a_storm(void *argument) {
    clockid_t clock = *(clockid_t *)argument;
    uint64_t random = 1;
    storm_start(clock, fork_in_handler);
    while (forks < HANDLER_FORKS) {
        storm_next(&random);
        replace_some(&random);
    }
    storm_end();
}

static void a_handler_that_interrupts_malloc_may_fork(void **state) {
    (void)state;
    clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID};
    for (size_t i = 0; i < 2; i++) {
        assert_true(child_succeeds(allocate_in_a_storm, &clocks[i], SECONDS));
    }
}

static void fork_in_a_storm(void *argument) {
    uint64_t random = 2;
    (void)argument;
    storm_start(CLOCK_MONOTONIC, fork_in_handler);
    while (forks < HANDLER_FORKS) {
        storm_next(&random);
        replace_some(&random);
        pid_t child = fork();
        if (child == 0) {
            free(malloc(100));
            _exit(0);
        }
        int status = 0;
        require(waitpid(child, &status, 0) == child && status == 0);
    }
    storm_end();
}

static void a_handler_that_interrupts_fork_may_fork(void **state) {
    (void)state;
    assert_true(child_succeeds(fork_in_a_storm, NULL, SECONDS));
}

/* A handler that returns in the child, too, without having allocated: the interrupted call goes
 * on in both. */
static void fork_and_return(int signal) {
    (void)signal;
    int kept_errno = errno, status = 0;
    pid_t child = generation == 0 ? fork() : -1;
    if (child == 0) {
        generation = 1;
    } else if (child > 0 && waitpid(child, &status, 0) == child && status != 0) {
        failed_status = status;
    }
    forks = forks + 1;
    errno = kept_errno;
}

static void both_go_on(void *argument) {
    uint64_t random = 3;
    (void)argument;
    storm_start(CLOCK_MONOTONIC, fork_and_return);
    while (generation == 0 && forks < HANDLER_FORKS) {
        storm_next(&random);
        replace_some(&random);
    }
    for (size_t i = 0; generation == 1 && i < 10; i++) {
        replace_some(&random);
    }
    if (generation == 0) {
        storm_end();
    }
}

static void a_child_may_return_from_the_handler(void **state) {
    (void)state;
    assert_true(child_succeeds(both_go_on, NULL, SECONDS));
}

/* ---- locks of libc ---- */

static atomic_bool stop;
static char path[32]; /* of a file without a name, which goes with the process */

static void use_stream(FILE *file) {
#ifdef SLOTMALLOC_TESTS_PREFIXED_H /* getline would use the malloc of the rest of the program */
    flockfile(file);
    for (size_t size = 16; size < 1 << 20; size *= 2) {
        free(malloc(size));
    }
    funlockfile(file);
#else
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, file) > 0) {
        free(line);
        line = NULL;
        size = 0;
    }
    free(line);
    rewind(file);
#endif
}

/* Reads long lines: getline grows its buffer while it holds the stream. */
static void *read_lines(void *argument) {
    (void)argument;
    FILE *file = fopen(path, "r");
    require(file != NULL);
    while (!stop) {
        use_stream(file);
        usleep(100); /* libc's locks are not fair: fork, too, is to get them */
    }
    (void)fclose(file);
    return NULL;
}

/* Holds libc's list of streams and then waits for each. */
static void *flush_all(void *argument) {
    (void)argument;
    while (!stop) {
        (void)fflush(NULL);
        usleep(100);
    }
    return NULL;
}

static void file_write(void) {
    int fd = memfd_create("lines", MFD_CLOEXEC);
    require(fd >= 0 && snprintf(path, sizeof path, "/proc/self/fd/%d", fd) > 0);
    for (size_t length = 100; length < 300000; length *= 3) {
        char *line = malloc(length);
        memset(line, 'x', length);
        line[length - 1] = '\n';
        require(write(fd, line, length) == (ssize_t)length);
        free(line);
    }
}

static void fork_many_times(void) {
    for (size_t i = 0; i < FORKS; i++) {
        pid_t child = fork();
        require(child >= 0);
        if (child == 0) {
            alarm(20);
            for (size_t size = 16; size < 1 << 20; size *= 4) {
                free(malloc(size));
            }
            _exit(0);
        }
        int status = 0;
        require(waitpid(child, &status, 0) == child && status == 0);
    }
}

static void fork_among(void *(*const bodies[])(void *), size_t count) {
    pthread_t threads[8];
    for (size_t i = 0; i < count; i++) {
        require(pthread_create(&threads[i], NULL, bodies[i], NULL) == 0);
    }
    fork_many_times();
    stop = true;
    for (size_t i = 0; i < count; i++) {
        require(pthread_join(threads[i], NULL) == 0);
    }
}

static void fork_among_readers(void *argument) {
    (void)argument;
    file_write();
    void *(*const bodies[])(void *) = {read_lines, read_lines, flush_all, read_lines};
    fork_among(bodies, 4);
}

static void fork_does_not_wait_for_threads_that_read_and_flush(void **state) {
    (void)state;
    assert_true(child_succeeds(fork_among_readers, NULL, SECONDS));
}

/* ---- fork handlers of others, registered before malloc's first call ---- */

static atomic_bool handlers_on;
static pthread_mutex_t shared = PTHREAD_MUTEX_INITIALIZER;
static void *from_prepare;

static void prepare(void) {
    if (handlers_on) {
        for (size_t size = 16; size < 1 << 20; size *= 4) {
            free(malloc(size));
        }
        from_prepare = malloc(100);
        require(pthread_mutex_lock(&shared) == 0);
    }
}

static void after(void) {
    if (handlers_on) {
        require(pthread_mutex_unlock(&shared) == 0);
        free(from_prepare);
        free(malloc(300000));
        free(malloc(3000));
    }
}

__attribute__((constructor)) static void register_handlers(void) {
    (void)pthread_atfork(prepare, after, after);
}

static void *allocate_under_the_lock(void *argument) {
    uint64_t random = (uintptr_t)&random;
    (void)argument;
    while (!stop) {
        void *blocks[16];
        require(pthread_mutex_lock(&shared) == 0);
        for (size_t i = 0; i < 16; i++) {
            blocks[i] = malloc(random_size(&random, LARGEST));
        }
        require(pthread_mutex_unlock(&shared) == 0);
        for (size_t i = 0; i < 16; i++) {
            free(blocks[i]);
        }
    }
    return NULL;
}

static void fork_with_handlers(void *argument) {
    (void)argument;
    handlers_on = true;
    void *(*const bodies[])(void *) = {allocate_under_the_lock, allocate_under_the_lock};
    fork_among(bodies, 2);
}

static void fork_handlers_of_others_may_allocate_and_lock(void **state) {
    (void)state;
    assert_true(child_succeeds(fork_with_handlers, NULL, SECONDS));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handler_that_interrupts_malloc_may_fork),
        cmocka_unit_test(a_handler_that_interrupts_fork_may_fork),
        cmocka_unit_test(a_child_may_return_from_the_handler),
        cmocka_unit_test(fork_does_not_wait_for_threads_that_read_and_flush),
        cmocka_unit_test(fork_handlers_of_others_may_allocate_and_lock),
    };
    return cmocka_run_group_tests(tests, provider_is_expected, NULL);
}
