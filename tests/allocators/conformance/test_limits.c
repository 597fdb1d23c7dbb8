/* Processes that start with little address space: NULL and ENOMEM at the end, nothing lost. */
#include "support.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

enum { MIB = 1 << 20, MOST = 1 << 17 };
static void *blocks[MOST];

/* Allocates until NULL or until `budget` bytes are held; returns the number of blocks. */
static size_t fill(size_t size, size_t budget, uint64_t stamp) {
    size_t count = 0;
    while (count < MOST && count * size < budget) {
        errno = 0;
        blocks[count] = malloc(size);
        if (blocks[count] == NULL) {
            require(errno == ENOMEM);
            break;
        }
        pattern_fill(blocks[count], size < 64 ? size : 64, stamp + count);
        count++;
    }
    return count;
}

static void check_and_free(size_t count, size_t size, uint64_t stamp) {
    for (size_t i = 0; i < count; i++) {
        require(pattern_holds(blocks[i], size < 64 ? size : 64, stamp + i));
        free(blocks[i]);
    }
}

/* The process under the limit: fill it with one size after the other; each must find room again. */
static int live_under_limit(size_t limit) {
    static const size_t sizes[] = {1000, 8000, 50000, 400000, (size_t)3 << 20, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t first = fill(sizes[i], limit, i);
        require(first * sizes[i] <= limit);
        check_and_free(first, sizes[i], i);
        size_t second = fill(sizes[i], limit, i + 1000);
        require(second >= first / 4 * 3);
        check_and_free(second, sizes[i], i + 1000);
        require(first == MOST || first * sizes[i] >= limit / 8 || limit < (size_t)32 * MIB);
    }
    return 0;
}

static void exec_under_limit(void *argument) {
    size_t limit = *(size_t *)argument;
    char text[32];
    snprintf(text, sizeof text, "%zu", limit);
    struct rlimit space = {.rlim_cur = limit, .rlim_max = limit};
    require(setrlimit(RLIMIT_AS, &space) == 0);
    execl("/proc/self/exe", "test_limits", text, (char *)NULL);
    _exit(127);
}

static void every_address_space_limit_from_16_mib_to_1_gib_is_survived(void **state) {
    (void)state;
    for (size_t limit = (size_t)16 * MIB; limit <= (size_t)1024 * MIB; limit += limit / 2) {
        if (!child_succeeds(exec_under_limit, &limit, 60)) {
            fail_msg("with RLIMIT_AS = %zu MiB", limit / MIB);
        }
    }
}

/* Grows a block so large that it may move by pages; another one stands behind it. */
static void grow_under_limit(void *block) {
    void *grown = realloc(block, (size_t)300 * MIB);
    void *now = grown != NULL ? grown : opaque(block);
    require(pattern_holds(now, (size_t)70 * MIB, 3));
    pattern_fill(now, grown != NULL ? (size_t)300 * MIB : (size_t)70 * MIB, 4);
    free(now);
}

static void a_limit_set_while_running(void *argument) {
    (void)argument;
    size_t count = fill(5000, (size_t)4 * MIB, 1);
    void *large = malloc((size_t)70 * MIB);
    void *behind = malloc((size_t)70 * MIB);
    require(large != NULL && behind != NULL);
    pattern_fill(large, (size_t)70 * MIB, 3);
    struct rlimit space = {.rlim_cur = (size_t)1 * MIB, .rlim_max = RLIM_INFINITY};
    require(setrlimit(RLIMIT_AS, &space) == 0);
    check_and_free(count, 5000, 1);
    grow_under_limit(large);
    free(behind);
    count = fill(70000, (size_t)64 * MIB, 2);
    check_and_free(count, 70000, 2);
    void *block = malloc(opaque_size((size_t)1 << 46));
    require(block == NULL && errno == ENOMEM);
    require(malloc(1000) != NULL);
}

static void a_limit_that_comes_while_running_is_survived(void **state) {
    (void)state;
    assert_true(child_succeeds(a_limit_set_while_running, NULL, 30));
}

int main(int count, char **arguments) {
    if (count == 2) {
        return live_under_limit(strtoull(arguments[1], NULL, 10));
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_address_space_limit_from_16_mib_to_1_gib_is_survived),
        cmocka_unit_test(a_limit_that_comes_while_running_is_survived),
    };
    return cmocka_run_group_tests(tests, provider_is_expected, NULL);
}
