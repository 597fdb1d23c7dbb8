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

/* A process under a limit on one resource, which it inherits, or sets itself once malloc has
 * worked. */
struct limited {
    int resource;
    bool by_itself;
    size_t limit, size;
};

/* Bytes of blocks of `size` that can be had and touched, the blocks chained by their first words.
 */
static size_t fill_touching(size_t size, size_t most) {
    size_t got = 0;
    void **last = NULL;
    for (char *block; got < most && (block = malloc(size)) != NULL; got += size) {
        for (size_t i = 0; i < size; i += 4096) {
            block[i] = 1;
        }
        *(void **)block = last;
        last = (void **)block;
    }
    for (void **before; last != NULL; last = before) {
        before = *last;
        free(last);
    }
    return got;
}

static void *allocate_in_thread(void *argument) {
    free(opaque(malloc(1000)));
    return argument;
}

/* One after the other: glibc's malloc gives each of two threads that overlap an arena of its own and
 * never fills the second from the main thread, so what is left would depend on the scheduler. */
static void run_threads(size_t count) {
    for (size_t i = 0; i < count; i++) {
        pthread_t thread;
        require(pthread_create(&thread, NULL, allocate_in_thread, NULL) == 0);
        require(pthread_join(thread, NULL) == 0);
    }
}

static void set_limit(const struct limited *limited) {
    struct rlimit limit = {.rlim_cur = limited->limit, .rlim_max = limited->limit};
    require(setrlimit(limited->resource == RLIMIT_AS ? RLIMIT_AS : RLIMIT_DATA, &limit) == 0);
}

/* What limited accounts allow: most of it becomes blocks, threads run before that and afterwards,
 * and what was freed can be had again. */
static int use_most_of_it(const struct limited *limited) {
    size_t own = (size_t)24 * MIB; /* the program, libc, the stacks */
    if (limited->by_itself) {
        free(opaque(malloc(50)));
        set_limit(limited);
    }
    run_threads(2);
    for (size_t turn = 0; turn < 2; turn++) {
        size_t got = fill_touching(limited->size, 2 * limited->limit);
        require(got < limited->limit);
        require(got >= (limited->limit - own) / 100 * 78); /* 8 % are lost of blocks of 30000 */
    }
    run_threads(2);
    return 0;
}

static void exec_limited(void *argument) {
    const struct limited *limited = argument;
    char text[4][32];
    snprintf(text[0], sizeof text[0], "%d", limited->resource);
    snprintf(text[1], sizeof text[1], "%d", limited->by_itself);
    snprintf(text[2], sizeof text[2], "%zu", limited->limit);
    snprintf(text[3], sizeof text[3], "%zu", limited->size);
    if (!limited->by_itself) {
        set_limit(limited);
    }
    execl("/proc/self/exe", "test_limits", text[0], text[1], text[2], text[3], (char *)NULL);
    _exit(127);
}

static void most_of_a_limit_can_be_used(void **state) {
    static const size_t sizes[] = {100, 30000, 1000000}, limits[] = {256, 600};
    (void)state;
    for (size_t i = 0; i < 24; i++) {
        struct limited limited = {.resource = i % 2 ? (int)RLIMIT_AS : (int)RLIMIT_DATA,
                                  .by_itself = i / 2 % 2,
                                  .limit = limits[i / 4 % 2] * MIB,
                                  .size = sizes[i / 8]};
        if (!child_succeeds(exec_limited, &limited, 60)) {
            fail_msg("blocks of %zu bytes, %zu MiB of %s, set by %s", limited.size,
                     limited.limit / MIB, i % 2 ? "RLIMIT_AS" : "RLIMIT_DATA",
                     limited.by_itself ? "itself" : "its parent");
        }
    }
}

/* As little as a program with one thread of 8 MiB of stack needs. */
static void exec_with_little_data(void *argument) {
    (void)argument;
    struct rlimit data = {.rlim_cur = (size_t)16 * MIB, .rlim_max = (size_t)16 * MIB};
    require(setrlimit(RLIMIT_DATA, &data) == 0);
    execl("/proc/self/exe", "test_limits", "little", "data", (char *)NULL);
    _exit(127);
}

static int live_with_little_data(void) {
    char *block = malloc((size_t)1 * MIB);
    require(block != NULL);
    memset(block, 1, (size_t)1 * MIB);
    free(block);
    run_threads(1);
    return 0;
}

static void sixteen_mib_of_data_are_enough_for_a_small_program(void **state) {
    (void)state;
    assert_true(child_succeeds(exec_with_little_data, NULL, 30));
}

int main(int count, char **arguments) {
    if (count == 2) {
        return live_under_limit(strtoull(arguments[1], NULL, 10));
    }
    if (count == 3) {
        return live_with_little_data();
    }
    if (count == 5) {
        struct limited limited = {atoi(arguments[1]), atoi(arguments[2]) != 0,
                                  strtoull(arguments[3], NULL, 10),
                                  strtoull(arguments[4], NULL, 10)};
        return use_most_of_it(&limited);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_address_space_limit_from_16_mib_to_1_gib_is_survived),
        cmocka_unit_test(a_limit_that_comes_while_running_is_survived),
        cmocka_unit_test(most_of_a_limit_can_be_used),
        cmocka_unit_test(sixteen_mib_of_data_are_enough_for_a_small_program),
    };
    return cmocka_run_group_tests(tests, provider_is_expected, NULL);
}
