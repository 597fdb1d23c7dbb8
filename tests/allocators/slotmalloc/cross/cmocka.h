/*
 * The part of cmocka that the tests use, for cross builds, where the distribution has no cmocka for
 * the other machine. Same names and meanings; a failed assertion ends the test, not the program.
 */
#ifndef CROSS_CMOCKA_H
#define CROSS_CMOCKA_H

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*test)(void **state);
};

#define cmocka_unit_test(function)                                                                 \
    { #function, function }
#define cmocka_run_group_tests(tests, setup, teardown)                                             \
    cross_run(tests, sizeof(tests) / sizeof(tests)[0], setup, teardown)

static jmp_buf cross_end;
enum { CROSS_FAILED = 1, CROSS_SKIPPED = 2 };

__attribute__((unused)) static inline int cross_run(const struct CMUnitTest *tests, size_t count,
                                                    int (*setup)(void **),
                                                    int (*teardown)(void **)) {
    void *state = NULL;
    static int failed; /* static: they keep their values over longjmp */
    static size_t i;
    if (setup != NULL && setup(&state) != 0) {
        return 1;
    }
    for (i = 0; i < count; i++) {
        int how = setjmp(cross_end);
        if (how == 0) {
            tests[i].test(&state);
        }
        failed += how == CROSS_FAILED;
        printf("%s %s\n",
               how == 0               ? "ok     "
               : how == CROSS_SKIPPED ? "skipped"
                                      : "FAILED ",
               tests[i].name);
    }
    return (teardown != NULL && teardown(&state) != 0) + failed;
}

#define skip()             longjmp(cross_end, CROSS_SKIPPED)
#define print_message(...) printf(__VA_ARGS__)
#define fail_msg(...)                                                                              \
    (printf("%s:%d: ", __FILE__, __LINE__), printf(__VA_ARGS__), printf("\n"),                     \
     longjmp(cross_end, CROSS_FAILED))
#define assert_true(c)                                                                             \
    do {                                                                                           \
        if (!(c)) {                                                                                \
            fail_msg("not so: %s", #c);                                                            \
        }                                                                                          \
    } while (0)
#define assert_false(c)            assert_true(!(c))
#define assert_null(p)             assert_true((p) == NULL)
#define assert_non_null(p)         assert_true((p) != NULL)
#define assert_int_equal(a, b)     assert_true((uintmax_t)(a) == (uintmax_t)(b))
#define assert_int_not_equal(a, b) assert_true((uintmax_t)(a) != (uintmax_t)(b))
#define assert_ptr_equal(a, b)     assert_true((const void *)(a) == (const void *)(b))
#define assert_ptr_not_equal(a, b) assert_true((const void *)(a) != (const void *)(b))
#define assert_string_equal(a, b)  assert_true(strcmp(a, b) == 0)

#endif
