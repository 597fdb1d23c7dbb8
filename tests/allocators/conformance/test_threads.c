/* Threads that come and go: frees by others, frees during teardown, and no leak of heaps. */
#include "support.h"

#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CREW = 8, KEYS = 6, HANDED = 64 };

static void in_threads(size_t count, void *(*body)(void *), void *argument) {
    pthread_t threads[64];
    require(count <= 64);
    for (size_t i = 0; i < count; i++) {
        require(pthread_create(&threads[i], NULL, body, argument) == 0);
    }
    for (size_t i = 0; i < count; i++) {
        require(pthread_join(threads[i], NULL) == 0);
    }
}

/* Allocates 200 blocks of mixed sizes, checks that none was written by another, and frees them. */
static void *mixed_work(void *argument) {
    void *blocks[200];
    uint64_t random = (uintptr_t)argument ^ (uintptr_t)pthread_self();
    uint64_t stamp = random;
    for (size_t i = 0; i < 200; i++) {
        size_t size = random_size(&random, 30000);
        blocks[i] = malloc(size);
        require(blocks[i] != NULL);
        pattern_fill(blocks[i], malloc_usable_size(blocks[i]), stamp + i);
    }
    for (size_t i = 0; i < 200; i++) {
        require(pattern_holds(blocks[i], malloc_usable_size(blocks[i]), stamp + i));
        free(blocks[i]);
    }
    return NULL;
}

static void thread_churn_does_not_leak(void **state) {
    (void)state;
    for (size_t round = 0; round < 20; round++) {
        in_threads(CREW, mixed_work, NULL);
    }
    size_t settled = resident_bytes();
    for (size_t round = 0; round < 300; round++) {
        in_threads(CREW, mixed_work, NULL);
    }
    assert_true(resident_bytes() < settled + ((size_t)24 << 20));
}

/* What one thread leaves behind and another one frees after the first has ended. */
static void *handed_over[CREW][HANDED];
static _Atomic size_t next_row;

static void *allocate_and_leave(void *argument) {
    (void)argument;
    size_t row = next_row++;
    uint64_t random = row + 99;
    for (size_t i = 0; i < HANDED; i++) {
        handed_over[row][i] = malloc(random_size(&random, 20000));
        require(handed_over[row][i] != NULL);
        pattern_fill(handed_over[row][i], malloc_usable_size(handed_over[row][i]),
                     row * HANDED + i);
    }
    return NULL;
}

static void *check_and_free(void *argument) {
    (void)argument;
    size_t row = next_row++;
    for (size_t i = 0; i < HANDED; i++) {
        void *block = handed_over[row][i];
        require(pattern_holds(block, malloc_usable_size(block), row * HANDED + i));
        free(block);
    }
    return mixed_work(NULL);
}

static void blocks_outlive_the_thread_that_made_them(void **state) {
    (void)state;
    for (size_t round = 0; round < 150; round++) {
        next_row = 0;
        in_threads(CREW, allocate_and_leave, NULL);
        next_row = 0;
        in_threads(CREW, check_and_free, NULL);
    }
    assert_true(resident_bytes() < (size_t)256 << 20);
}

static pthread_key_t keys[KEYS];

/* Frees its block; on the first two of libc's four passes it leaves another one behind. */
static void free_and_leave_another(void *value) {
    unsigned char *block = value;
    unsigned char pass = *block;
    require(is_filled_with(block, 1000, pass));
    free(block);
    mixed_work(NULL);
    if (pass < 2) {
        block = malloc(1000 + 1000 * (size_t)pass);
        require(block != NULL);
        memset(block, pass + 1, 1000);
        pthread_setspecific(keys[pass], block);
    }
}

static void *leave_blocks_in_keys(void *argument) {
    (void)argument;
    for (size_t i = 0; i < KEYS; i++) {
        unsigned char *block = malloc(1000);
        require(block != NULL);
        memset(block, 0, 1000);
        pthread_setspecific(keys[i], block);
    }
    return mixed_work(NULL);
}

static void key_destructors_may_free_and_allocate(void **state) {
    (void)state;
    for (size_t i = 0; i < KEYS; i++) {
        assert_int_equal(pthread_key_create(&keys[i], free_and_leave_another), 0);
    }
    for (size_t round = 0; round < 100; round++) {
        in_threads(CREW, leave_blocks_in_keys, NULL);
    }
    size_t settled = resident_bytes();
    for (size_t round = 0; round < 200; round++) {
        in_threads(CREW, leave_blocks_in_keys, NULL);
    }
    assert_true(resident_bytes() < settled + ((size_t)24 << 20));
}

/* Two threads pass one block to and fro; the one that frees is never the one that allocated. */
static _Atomic(void *) ball;
static size_t ball_size = 16;

static void *serve(void *argument) {
    (void)argument;
    for (size_t i = 0; i < 20000; i++) {
        void *block = malloc(ball_size);
        require(block != NULL);
        memset(block, 1, 8);
        free(atomic_exchange(&ball, block));
    }
    return NULL;
}

static void ping_pong_on_slots_of_few_objects_stays_bounded(void **state) {
    (void)state;
    static const size_t sizes[] = {16, 1024, 8192, 20000, 32768, 60000, 300000};
    in_threads(2, serve, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        ball_size = sizes[i];
        size_t before = resident_bytes();
        in_threads(2, serve, NULL);
        free(atomic_exchange(&ball, NULL));
        assert_true(resident_bytes() < before + ((size_t)32 << 20));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thread_churn_does_not_leak),
        cmocka_unit_test(blocks_outlive_the_thread_that_made_them),
        cmocka_unit_test(key_destructors_may_free_and_allocate),
        cmocka_unit_test(ping_pong_on_slots_of_few_objects_stays_bounded),
    };
    return cmocka_run_group_tests(tests, provider_is_expected, NULL);
}
