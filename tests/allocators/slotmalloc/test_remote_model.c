/* The steps of the model (model/protocol.h) are the steps of the code, one by one. */
#include "allocators/slotmalloc/include/slotmalloc.h"
#include "allocators/slotmalloc/src/heap/park.h"
#include "allocators/slotmalloc/src/heap/pool.h"
#include "allocators/slotmalloc/src/heap/remote.h"
#include "allocators/slotmalloc/src/heap/thread.h"
#include "allocators/slotmalloc/src/memory/slot.h"
#include "tests/allocators/slotmalloc/model/protocol.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { BLOCKS = 6, SIZE = 512 };

/* The slot under test: this thread's, with BLOCKS blocks that the "program" holds. */
static struct block *blocks[BLOCKS];
static uint32_t number;

struct word {
    unsigned count;
    bool queued, pushed;
};

static struct word word_now(void) {
    uint64_t word = atomic_load(&arena.remote[number].word);
    return (struct word){(unsigned)(word >> REMOTE_COUNT_SHIFT & REMOTE_FIELD_MASK),
                         (word & REMOTE_QUEUED) != 0, atomic_load(&thread_heap->pending) == number};
}

/* Publishes blocks [from, from + n) as another heap's thread would: one chain of n. */
static void publish(unsigned from, unsigned n) {
    struct heap sender = {0};
    for (unsigned i = from; i < from + n; i++) {
        remote_free(&sender, blocks[i], number, SIZE);
    }
    remote_flush(&sender);
}

/* Brings the word to {count, queued} by the protocol's own steps, off every stack. */
static bool reach(unsigned count, bool queued) {
    uint32_t taken;
    (void)remote_drain(number, &taken);
    (void)remote_take_pending(thread_heap);
    if (count == 0 && queued) { /* published, then taken early */
        publish(0, 1);
        (void)remote_take(number, &taken);
    } else if (count > 0) {
        publish(0, count);
    }
    (void)remote_take_pending(thread_heap);
    return queued || count == 0; /* a chain without QUEUED cannot be */
}

static void for_each_word(void (*check)(unsigned count, bool queued)) {
    for (unsigned count = 0; count < BLOCKS; count++) {
        for (unsigned queued = 0; queued <= 1; queued++) {
            if (reach(count, queued)) {
                check(count, queued);
            }
        }
    }
}

static unsigned chain_length(const struct block *chain) {
    unsigned length = 0;
    for (; chain != NULL; chain = chain->next) {
        length++;
    }
    return length;
}

static void check_publish(unsigned count, bool queued) {
    for (unsigned n = 1; count + n <= BLOCKS; n++) {
        (void)reach(count, queued);
        publish(count, n);
        struct word after = word_now();
        assert_int_equal(after.count, PUBLISH_COUNT(count, n));
        assert_int_equal(after.queued, PUBLISH_QUEUED);
        assert_int_equal(after.pushed, PUBLISH_PUSHES(queued));
    }
}

static void publishing_is_the_models_publish(void **state) {
    (void)state;
    for_each_word(check_publish);
}

static void check_take(unsigned count, bool queued) {
    uint32_t taken = 0;
    struct block *chain = remote_take(number, &taken);
    assert_int_equal(chain_length(chain), count);
    assert_int_equal(taken, count);
    assert_int_equal(word_now().count, TAKE_COUNT);
    assert_int_equal(word_now().queued, TAKE_QUEUED(queued));
}

static void taking_early_is_the_models_take(void **state) {
    (void)state;
    for_each_word(check_take);
}

static void check_drain(unsigned count, bool queued) {
    (void)queued; /* whatever it was */
    uint32_t taken = 0;
    struct block *chain = remote_drain(number, &taken);
    assert_int_equal(chain_length(chain), count);
    assert_int_equal(taken, count);
    assert_int_equal(word_now().count, DRAIN_COUNT);
    assert_int_equal(word_now().queued, DRAIN_QUEUED);
}

static void draining_is_the_models_drain(void **state) {
    (void)state;
    for_each_word(check_drain);
}

static void check_release(unsigned count, bool queued) {
    (void)count;
    assert_int_equal(!remote_is_queued(number), MAY_RELEASE(queued));
}

static void the_release_rule_is_the_models(void **state) {
    (void)state;
    for_each_word(check_release);
    (void)reach(0, false);
}

/* A slot that lies on the pending stack of a heap that no longer owns it. */
static void a_drain_by_a_heap_that_is_not_the_owner_forwards_the_slot(void **state) {
    (void)state;
    static struct heap other __attribute__((aligned(HEAP_ALIGN)));
    (void)reach(0, false);
    publish(0, 1);
    (void)remote_take_pending(thread_heap);
    atomic_store(&other.pending, number);
    arena.remote[number].pending_next = 0;
    pool_drain(&other);
    assert_int_equal(atomic_load(&other.pending), 0);
    assert_true(word_now().pushed && word_now().queued);
    assert_int_equal(word_now().count, 1);
    assert_int_equal(other.counters.remote_forwarded, 1);
    (void)reach(0, false);
}

static void *allocate_blocks(void *argument) {
    (void)argument;
    for (unsigned i = 0; i < BLOCKS; i++) {
        blocks[i] = slotmalloc_malloc(SIZE);
    }
    return NULL;
}

static int a_slot_is_ours(void **state) {
    (void)state;
    allocate_blocks(NULL);
    for (unsigned i = 0; i < 64; i++) { /* past the blocks that a young class borrows */
        free(NULL);
        (void)slotmalloc_malloc(SIZE);
    }
    allocate_blocks(NULL);
    number = slot_number(blocks[0]);
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (slot_number(blocks[i]) != number) {
            return -1;
        }
    }
    return ident_owner(ident_read(number)) == thread_heap ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(publishing_is_the_models_publish),
        cmocka_unit_test(taking_early_is_the_models_take),
        cmocka_unit_test(draining_is_the_models_drain),
        cmocka_unit_test(the_release_rule_is_the_models),
        cmocka_unit_test(a_drain_by_a_heap_that_is_not_the_owner_forwards_the_slot),
    };
    return cmocka_run_group_tests(tests, a_slot_is_ours, NULL);
}
