/* Slots and heaps over many threads: none is used twice, and neither kind grows without need. */
#include "allocators/slotmalloc/include/slotmalloc.h"
#include "allocators/slotmalloc/src/api/stats.h"
#include "allocators/slotmalloc/src/memory/arena.h"
#include "tests/allocators/conformance/support.h"
#include "tests/allocators/conformance/torture/shadow.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

enum { CREW = 6 };

static void in_threads(size_t count, void *(*body)(void *), void *argument) {
    pthread_t threads[CREW];
    for (size_t i = 0; i < count; i++) {
        require(pthread_create(&threads[i], NULL, body, argument) == 0);
    }
    for (size_t i = 0; i < count; i++) {
        require(pthread_join(threads[i], NULL) == 0);
    }
}

static uint64_t slots_in_use(void) {
    struct stats_totals totals;
    stats_totals_get(&totals);
    return totals.used / SLOT_SIZE;
}

/* Two threads that pass blocks over: who frees is never who allocated. */
static _Atomic(void *) ball;

static void *serve(void *argument) {
    size_t size = *(size_t *)argument;
    for (size_t i = 0; i < 30000; i++) {
        void *block = slotmalloc_malloc(size);
        require(block != NULL);
        slotmalloc_free(atomic_exchange(&ball, block));
    }
    return NULL;
}

/* A lost wake would leave a full slot behind each time; the spans of these sizes hold 6 to 13
 * blocks. */
static void ping_pong_keeps_the_number_of_slots_bounded(void **state) {
    (void)state;
    static size_t sizes[] = {5120, 8192, 10240, 20480, 28672, 32768};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint64_t before = slots_in_use();
        in_threads(2, serve, &sizes[i]);
        slotmalloc_free(atomic_exchange(&ball, NULL));
        assert_true(slots_in_use() <= before + 64);
    }
}

/* Blocks with their stamps, kept by nobody in particular. */
static struct {
    pthread_mutex_t lock;
    unsigned char *block;
    uint64_t stamp;
} shelf[512];

static void shelf_replace(size_t place, unsigned char *block, uint64_t stamp) {
    pthread_mutex_lock(&shelf[place].lock);
    unsigned char *old = shelf[place].block;
    uint64_t old_stamp = shelf[place].stamp;
    shelf[place].block = block;
    shelf[place].stamp = stamp;
    pthread_mutex_unlock(&shelf[place].lock);
    if (old != NULL) {
        size_t usable = slotmalloc_malloc_usable_size(old);
        require(pattern_holds(old, usable, old_stamp));
        require(shadow_release(old, usable));
        slotmalloc_free(old);
    }
}

/* A short life: its slots are orphans soon, full of blocks that others free. */
static void *short_life(void *argument) {
    static _Atomic uint64_t births;
    uint64_t random = atomic_fetch_add(&births, 1);
    (void)argument;
    for (size_t i = 0; i < 400; i++) {
        unsigned char *block = slotmalloc_malloc(random_size(&random, 3000));
        require(block != NULL);
        size_t usable = slotmalloc_malloc_usable_size(block);
        uint64_t stamp = random_next(&random);
        require(shadow_claim(block, usable)); /* else two slots, or two owners, gave it out */
        pattern_fill(block, usable, stamp);
        shelf_replace(stamp % 512, block, stamp);
    }
    return NULL;
}

static void an_orphaned_slot_is_adopted_by_one_heap_only(void **state) {
    (void)state;
    for (size_t i = 0; i < 512; i++) {
        pthread_mutex_init(&shelf[i].lock, NULL);
    }
    for (size_t round = 0; round < 150; round++) {
        in_threads(CREW, short_life, NULL);
    }
    assert_true(slots_in_use() < 2000);
    for (size_t i = 0; i < 512; i++) {
        shelf_replace(i, NULL, 0);
    }
    assert_true(slotmalloc_check());
}

static void later_threads_get_the_heaps_of_earlier_ones(void **state) {
    (void)state;
    uint32_t before = arena_heap_count();
    for (size_t round = 0; round < 100; round++) {
        in_threads(CREW, short_life, NULL);
    }
    assert_true(arena_heap_count() <= before + CREW + 2);
}

/* Takes a block, grows it with room to spare, grows it into that room, shrinks it, and frees it. */
static void live_through_sizes(size_t size) {
    const size_t later[] = {2 * size, 2 * size + size / 2, size + size / 2};
    char *block = slotmalloc_malloc(size);
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        block = slotmalloc_realloc(block, later[i]);
        require(block != NULL);
        block[later[i] - 1] = 1;
    }
    slotmalloc_free(block);
}

static void large_blocks_give_all_their_slots_back(void **state) {
    (void)state;
    static const size_t sizes[] = {40000, 65536, 700000, 2097152, 2097153, 5000000, 9000000};
    slotmalloc_free(slotmalloc_malloc(1));
    uint64_t before = slots_in_use();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        slotmalloc_free(slotmalloc_malloc(sizes[i]));
        assert_int_equal(slots_in_use(), before);
        live_through_sizes(sizes[i]);
        assert_int_equal(slots_in_use(), before);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ping_pong_keeps_the_number_of_slots_bounded),
        cmocka_unit_test(an_orphaned_slot_is_adopted_by_one_heap_only),
        cmocka_unit_test(later_threads_get_the_heaps_of_earlier_ones),
        cmocka_unit_test(large_blocks_give_all_their_slots_back),
    };
    slotmalloc_free(slotmalloc_malloc(1));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
