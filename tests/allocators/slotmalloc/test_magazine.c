/* Magazines: what a thread frees of the larger classes comes back newest first, within bounds. */
#include "allocators/slotmalloc/include/slotmalloc.h"
#include "allocators/slotmalloc/src/api/stats.h"
#include "allocators/slotmalloc/src/base/classes.h"
#include "allocators/slotmalloc/src/heap/magazine.h"
#include "allocators/slotmalloc/src/heap/thread.h"
#include "allocators/slotmalloc/src/memory/arena.h"
#include "allocators/slotmalloc/src/memory/slot.h"
#include "tests/allocators/conformance/support.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY = 2000 };

static unsigned char *block[MANY];

static void take(unsigned class, size_t count) {
    for (size_t i = 0; i < count; i++) {
        block[i] = slotmalloc_malloc(classes[class].size);
        require(block[i] != NULL);
        block[i][0] = 1;
    }
}

static void give(size_t count) {
    for (size_t i = 0; i < count; i++) {
        slotmalloc_free(block[i]);
    }
}

static size_t bin_length(unsigned class) {
    size_t length = 0;
    for (const struct block *at = thread_heap->bin[class]; at != NULL; at = at->next) {
        length++;
    }
    return length;
}

/* By address, in no order that has to do with slots. */
static void shuffle(size_t count) {
    uint64_t random = 11;
    for (size_t i = count; i > 1; i--) {
        size_t other = random_next(&random) % i;
        unsigned char *kept = block[i - 1];
        block[i - 1] = block[other];
        block[other] = kept;
    }
}

static uint64_t live_slots(void) {
    struct stats_totals totals;
    stats_totals_get(&totals);
    return totals.used / SLOT_SIZE;
}

/* Also for blocks that begin in a later slot of their span. */
static void the_block_freed_last_comes_first(void **state) {
    (void)state;
    for (unsigned class = MAGAZINE_FROM; class < CLASS_COUNT; class ++) {
        size_t count = classes[class].magazine / 2u;
        take(class, count);
        give(count);
        for (size_t i = count; i-- > 0;) {
            assert_ptr_equal(slotmalloc_malloc(classes[class].size), block[i]);
        }
        give(count);
    }
}

/* What one refill brought may lie below. */
static void a_bin_never_holds_more_than_a_magazine_and_a_refill(void **state) {
    (void)state;
    for (unsigned class = MAGAZINE_FROM; class < CLASS_COUNT; class ++) {
        take(class, MANY);
        shuffle(MANY);
        for (size_t i = 0; i < MANY; i++) {
            slotmalloc_free(block[i]);
            assert_true(bin_length(class) <= classes[class].magazine + classes[class].capacity);
        }
        assert_true(slotmalloc_check());
    }
}

/* Newest first, the cached blocks are those freed last; then comes what was there before them. */
static void a_full_magazine_keeps_its_newer_half(void **state) {
    (void)state;
    for (unsigned class = MAGAZINE_FROM; class < CLASS_COUNT; class ++) {
        size_t full = classes[class].magazine, keep = full / 2;
        take(class, 3 * full);
        magazine_empty(thread_heap, class);
        give(full);
        assert_int_equal(bin_length(class), full);
        slotmalloc_free(block[full]);
        assert_int_equal(bin_length(class), keep);
        const struct block *at = thread_heap->bin[class];
        for (size_t i = 0; i < keep; i++, at = at->next) {
            assert_ptr_equal(at, block[full - i]);
        }
        for (size_t i = full + 1; i < 3 * full; i++) {
            slotmalloc_free(block[i]);
        }
    }
}

static void *fill_and_end(void *class) {
    take(*(unsigned *)class, MANY);
    shuffle(MANY);
    give(MANY);
    return NULL;
}

static void a_thread_that_ends_gives_its_magazines_back(void **state) {
    (void)state;
    for (unsigned class = MAGAZINE_FROM; class < CLASS_COUNT; class += 3) {
        pthread_t thread;
        uint64_t before = live_slots();
        require(pthread_create(&thread, NULL, fill_and_end, &class) == 0);
        pthread_join(thread, NULL);
        assert_true(live_slots() <= before + 2); /* what the C library keeps of the thread */
    }
}

static void trim_empties_magazines(void **state) {
    (void)state;
    uint64_t before = live_slots();
    for (unsigned class = MAGAZINE_FROM; class < CLASS_COUNT; class ++) {
        take(class, 200);
        shuffle(200);
        give(200);
    }
    (void)slotmalloc_malloc_trim(0);
    assert_true(live_slots() <= before + CLASS_COUNT); /* each class keeps its current slot */
    assert_true(slotmalloc_check());
}

static void calloc_is_zero_whatever_was_freed(void **state) {
    (void)state;
    for (unsigned class = MAGAZINE_FROM; class < CLASS_COUNT; class ++) {
        size_t size = classes[class].size;
        for (size_t round = 0; round < 100; round++) {
            unsigned char *dirty = slotmalloc_malloc(size);
            memset(dirty, 0xa5, size);
            slotmalloc_free(dirty);
            block[round] = slotmalloc_calloc(1, size);
            for (size_t i = 0; i < size; i++) {
                require(block[round][i] == 0);
            }
        }
        give(100);
    }
}

static void a_child_goes_on_with_its_magazines(void **state) {
    (void)state;
    take(CLASS_COUNT - 1, 40);
    give(40);
    pid_t child = fork();
    if (child == 0) {
        take(CLASS_COUNT - 1, 100);
        shuffle(100);
        give(100);
        _exit(slotmalloc_check() ? 0 : 1);
    }
    int status;
    require(waitpid(child, &status, 0) == child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_block_freed_last_comes_first),
        cmocka_unit_test(a_bin_never_holds_more_than_a_magazine_and_a_refill),
        cmocka_unit_test(a_full_magazine_keeps_its_newer_half),
        cmocka_unit_test(a_thread_that_ends_gives_its_magazines_back),
        cmocka_unit_test(trim_empties_magazines),
        cmocka_unit_test(calloc_is_zero_whatever_was_freed),
        cmocka_unit_test(a_child_goes_on_with_its_magazines),
    };
    for (unsigned class = 0; class < CLASS_COUNT; class ++) { /* a young class borrows its blocks */
        take(class, 100);
        give(100);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
