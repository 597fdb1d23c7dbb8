/* fork while eight threads allocate: the child has a sound heap, and never waits for a thread that
 * it does not have. */
#include "support.h"

#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { THREADS = 8, BLOCKS = 64, FORKS = 120, LARGEST = 40000 };

/* A shared block starts with these two words, and its rest is the stamp's pattern. */
struct head {
    uint64_t stamp;
    size_t size;
};

static _Atomic(struct head *) shared_blocks[THREADS][BLOCKS];
static atomic_bool stop;

static struct head *block_make(uint64_t *random) {
    size_t size = sizeof(struct head) + random_size(random, LARGEST);
    struct head *block = malloc(size);
    require(block != NULL);
    *block = (struct head){.stamp = random_next(random), .size = size};
    pattern_fill(block + 1, size - sizeof *block, block->stamp);
    return block;
}

static void block_check_and_free(struct head *block) {
    if (block != NULL) {
        require(pattern_holds(block + 1, block->size - sizeof *block, block->stamp));
        free(block);
    }
}

/* Every thread frees shared blocks of all, so that most frees cross threads. */
static void *keep_allocating(void *argument) {
    uint64_t random = (uintptr_t)argument;
    while (!stop) {
        uint64_t word = random_next(&random);
        struct head *block = block_make(&random);
        block_check_and_free(
            atomic_exchange(&shared_blocks[word % THREADS][(word >> 8) % BLOCKS], block));
    }
    return NULL;
}

static void free_shared_blocks(void) {
    for (size_t i = 0; i < (size_t)THREADS * BLOCKS; i++) {
        block_check_and_free(atomic_exchange(&shared_blocks[i / BLOCKS][i % BLOCKS], NULL));
    }
}

static void *allocate_some(void *argument) {
    uint64_t random = (uintptr_t)argument;
    for (size_t i = 0; i < 300; i++) {
        block_check_and_free(block_make(&random));
    }
    return NULL;
}

/* What a child does: free its parent's blocks, allocate, start a thread, and fork once more. */
static void live_as_child(void) {
    alarm(20);
    free_shared_blocks();
    allocate_some((void *)1);
    pthread_t thread;
    require(pthread_create(&thread, NULL, allocate_some, (void *)2) == 0);
    require(pthread_join(thread, NULL) == 0);
    pid_t grandchild = fork();
    if (grandchild == 0) {
        allocate_some((void *)3);
        _exit(0);
    }
    int status = 0;
    require(waitpid(grandchild, &status, 0) == grandchild && status == 0);
    _exit(0);
}

static void fork_once(void) {
    pid_t child = fork();
    require(child >= 0);
    if (child == 0) {
        live_as_child();
    }
    int status = 0;
    require(waitpid(child, &status, 0) == child);
    require(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void threads_start(pthread_t threads[THREADS], void *(*body)(void *)) {
    for (uintptr_t i = 0; i < THREADS; i++) {
        require(pthread_create(&threads[i], NULL, body, (void *)(i + 1)) == 0);
    }
}

static void threads_join(const pthread_t threads[THREADS]) {
    for (size_t i = 0; i < THREADS; i++) {
        require(pthread_join(threads[i], NULL) == 0);
    }
}

/* Forks again and again while THREADS threads run `body`, which ends when `stop` is set. */
static void fork_among(void *(*body)(void *)) {
    pthread_t threads[THREADS];
    threads_start(threads, body);
    for (size_t i = 0; i < FORKS; i++) {
        fork_once();
    }
    stop = true;
    threads_join(threads);
    free_shared_blocks();
}

static void fork_among_threads(void *argument) {
    (void)argument;
    fork_among(keep_allocating);
}

static void a_child_forked_among_allocating_threads_can_go_on(void **state) {
    (void)state;
    assert_true(child_succeeds(fork_among_threads, NULL, 120));
}

static void *fork_in_thread(void *argument) {
    for (size_t i = 0; i < 20; i++) {
        allocate_some(argument);
        fork_once();
    }
    return NULL;
}

static void fork_in_many_threads(void *argument) {
    (void)argument;
    pthread_t threads[THREADS];
    threads_start(threads, fork_in_thread);
    threads_join(threads);
}

static void many_threads_may_fork_at_once(void **state) {
    (void)state;
    assert_true(child_succeeds(fork_in_many_threads, NULL, 120));
}

/* Starts one short-lived thread after the other: heaps change hands all the time. */
static void *keep_starting_threads(void *argument) {
    while (!stop) {
        pthread_t thread;
        require(pthread_create(&thread, NULL, allocate_some, argument) == 0);
        require(pthread_join(thread, NULL) == 0);
    }
    return NULL;
}

static void fork_among_short_lives(void *argument) {
    (void)argument;
    fork_among(keep_starting_threads);
}

static void a_child_forked_while_threads_come_and_go_can_go_on(void **state) {
    (void)state;
    assert_true(child_succeeds(fork_among_short_lives, NULL, 120));
}

/* vfork shares the parent's memory and its thread-local storage until exec. */
static void vfork_leaves_the_parents_heap_alone(void **state) {
    (void)state;
    for (size_t i = 0; i < 20; i++) {
        allocate_some((void *)4);
        pid_t child = vfork();
        if (child == 0) {
            execl("/bin/true", "true", (char *)NULL);
            _exit(1);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_forked_among_allocating_threads_can_go_on),
        cmocka_unit_test(a_child_forked_while_threads_come_and_go_can_go_on),
        cmocka_unit_test(many_threads_may_fork_at_once),
        cmocka_unit_test(vfork_leaves_the_parents_heap_alone),
    };
    return cmocka_run_group_tests(tests, provider_is_expected, NULL);
}
