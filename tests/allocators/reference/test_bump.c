/*
 * What bump promises: no memory is used twice.
 */
#include <malloc.h>
#include <stdlib.h>

#include "tests/cmocka_all.h"

static void blocks_follow_each_other(void **state) {
    (void)state;
    char *first = malloc(24), *second = malloc(24);
    assert_true(second == first + 32 || malloc_usable_size(first) != 24);
    free(first);
    free(second);
}

static void a_freed_block_does_not_come_back(void **state) {
    (void)state;
    char *before = malloc(64);
    free(before);
    for (int i = 0; i < 1000; i++) {
        char *after = malloc(64);
        assert_true(after != before);
        free(after);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_follow_each_other),
        cmocka_unit_test(a_freed_block_does_not_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
