/* Eight threads and more on one handle: stamped blocks, frees by other threads, births and deaths
 * of threads. */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 8, STEPS = 40000, HELD = 64 };

static struct shm_arena *arena;
static _Atomic uint64_t exchange[64]; /* blocks on their way to whoever looks next */
static _Atomic unsigned faults;

static int open_pool(void **state) {
    (void)state;
    arena = pool_of(64 * MIB, 0);
    memset((void *)exchange, 0, sizeof exchange);
    faults = 0;
    return 0;
}

static int close_pool(void **state) {
    (void)state;
    shm_arena_detach(arena);
    return 0;
}

/* First word: who wrote it; a second writer to the same block is found by either. */
static void stamp(const struct shm_block *b) {
    *(uint64_t *)b->address = b->offset;
    *(uint64_t *)((char *)b->address + b->size - 8) = ~b->offset;
}

static void check_and_free(uint64_t offset) {
    struct shm_block b;
    if (shm_arena_describe(arena, offset, &b) || *(uint64_t *)b.address != offset ||
        *(uint64_t *)((char *)b.address + b.size - 8) != ~offset)
        atomic_fetch_add(&faults, 1);
    else
        *(uint64_t *)b.address = 0;
    if (shm_arena_free(arena, offset))
        atomic_fetch_add(&faults, 1);
}

static void *churn(void *seed) {
    uint64_t random = (uintptr_t)seed * 977 + 1, held[HELD] = {0};
    for (int i = 0; i < STEPS; i++) {
        uint64_t r = next_random(&random) >> 8;
        uint64_t *mine = &held[r % HELD];
        struct shm_block b;
        if (*mine && r >> 8 & 1)
            *mine = atomic_exchange(&exchange[r >> 16 & 63], *mine);
        if (*mine)
            check_and_free(*mine);
        *mine = 0;
        if (shm_arena_alloc(arena, 64 + (r >> 24) % 20000, 0, &b) == SHM_ARENA_OK) {
            stamp(&b);
            *mine = b.offset;
        }
    }
    for (int i = 0; i < HELD; i++)
        if (held[i])
            check_and_free(held[i]);
    return NULL;
}

static void run_threads(unsigned count, void *(*body)(void *)) {
    pthread_t threads[128];
    for (uintptr_t i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, (void *)i), 0);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static void nothing_must_be_left(void) {
    for (int i = 0; i < 64; i++)
        if (exchange[i])
            check_and_free(exchange[i]);
    assert_int_equal(faults, 0);
    assert_int_equal(stats_of(arena).live_count, 0);
    assert_whole(arena);
}

static void eight_threads_exchange_blocks(void **state) {
    (void)state;
    run_threads(THREADS, churn);
    nothing_must_be_left();
    struct shm_arena_stats s = stats_of(arena);
    assert_int_equal(s.allocated_count, s.freed_count);
    assert_int_equal(s.allocated_bytes, s.freed_bytes);
}

static void *a_few(void *unused) {
    uint64_t offsets[20];
    struct shm_block b;
    for (int i = 0; i < 20; i++) {
        if (shm_arena_alloc(arena, 4096, 0, &b))
            atomic_fetch_add(&faults, 1);
        stamp(&b);
        offsets[i] = b.offset;
    }
    for (int i = 0; i < 20; i++)
        check_and_free(offsets[i]);
    return unused;
}

static void threads_that_come_and_go_leave_nothing(void **state) {
    (void)state;
    for (int generation = 0; generation < 30; generation++)
        run_threads(16, a_few);
    nothing_must_be_left();
    assert_true(stats_of(arena).peak_bytes <= 64 * MIB);
}

static void more_threads_than_lanes_share_one(void **state) {
    (void)state;
    run_threads(100, a_few);
    nothing_must_be_left();
    struct shm_arena_stats s = stats_of(arena);
    assert_int_equal(s.allocated_count, s.freed_count);
}

static void *fight_for_the_last_blocks(void *seed) {
    uint64_t random = (uintptr_t)seed + 1;
    for (int i = 0; i < 3000; i++) {
        struct shm_block b;
        if (shm_arena_alloc(arena, next_random(&random) % 4 ? 30000 : 130000, 0, &b))
            continue;
        stamp(&b);
        check_and_free(b.offset);
    }
    return NULL;
}

static void a_pool_smaller_than_its_threads_stays_sound(void **state) {
    (void)state;
    shm_arena_detach(arena);
    arena = pool_of(5 * 64 * KIB, 0);
    run_threads(THREADS, fight_for_the_last_blocks);
    nothing_must_be_left();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(eight_threads_exchange_blocks, open_pool, close_pool),
        cmocka_unit_test_setup_teardown(threads_that_come_and_go_leave_nothing, open_pool,
                                        close_pool),
        cmocka_unit_test_setup_teardown(more_threads_than_lanes_share_one, open_pool, close_pool),
        cmocka_unit_test_setup_teardown(a_pool_smaller_than_its_threads_stays_sound, open_pool,
                                        close_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
