#include "cmocka_all.h"
#include "memtest/ring.h"

#include <pthread.h>

enum { BLOCKS = 200000 };
static struct ring ring;

static void *push_all(void *argument) {
    (void)argument;
    for (uint64_t i = 0; i < BLOCKS; i++)
        ring_push(&ring, (struct block){NULL, i});
    return NULL;
}

static void blocks_arrive_in_order_through_a_ring_of(size_t capacity) {
    pthread_t producer;
    ring = (struct ring){0};
    ring_init(&ring, capacity);
    assert_int_equal(pthread_create(&producer, NULL, push_all, NULL), 0);
    for (uint64_t i = 0; i < BLOCKS; i++)
        assert_int_equal(ring_pop(&ring).tag, i);
    pthread_join(producer, NULL);
}

static void blocks_arrive_in_order(void **state) {
    (void)state;
    blocks_arrive_in_order_through_a_ring_of(1);
    blocks_arrive_in_order_through_a_ring_of(64);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(blocks_arrive_in_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
