/*
 * What lifo promises: one stack per size class, of the thread that frees.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include "tests/cmocka_all.h"

static void the_last_block_freed_comes_back_first(void **state) {
    (void)state;
    for (size_t size = 8; size < 64 << 20; size *= 2) {
        void *first = malloc(size), *second = malloc(size);
        free(first);
        free(second);
        assert_ptr_equal(malloc(size), second);
        assert_ptr_equal(malloc(size), first);
    }
}

static void an_aligned_block_goes_back_as_the_block_it_was_cut_from(void **state) {
    (void)state;
    char *aligned = memalign(1 << 16, 100);
    size_t usable = malloc_usable_size(aligned);
    free(aligned);
    char *whole = malloc((1 << 16) + 84); /* the request that memalign made */
    assert_true(whole <= aligned && aligned + usable == whole + malloc_usable_size(whole));
    free(whole);
}

static void *free_it(void *block) {
    free(block);
    void *again = malloc(1000);
    int same = again == block;
    return same ? block : NULL;
}

static void a_block_stays_with_the_thread_that_frees_it(void **state) {
    (void)state;
    void *block = malloc(1000), *result;
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, free_it, block), 0);
    assert_int_equal(pthread_join(other, &result), 0);
    assert_ptr_equal(result, block);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_block_freed_comes_back_first),
        cmocka_unit_test(an_aligned_block_goes_back_as_the_block_it_was_cut_from),
        cmocka_unit_test(a_block_stays_with_the_thread_that_frees_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
