/* The n-th kernel memory call fails, for every n: NULL with ENOMEM, or carry on; never damage. */
#include "kernel_faults.h"
#include "support.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

enum { HELD = 96, STEPS = 500, STAMPED = 1024, MOST_CALLS = 400 };
#define ENDLESS (1ul << 40) /* failures in a row */
static const size_t largest = (size_t)3 << 20;

/* A live block; its first STAMPED bytes hold the stamp's pattern. */
struct held {
    void *block;
    size_t size;
    uint64_t stamp;
};

static size_t stamped(size_t size) {
    return size < STAMPED ? size : STAMPED;
}

/* Null is an answer, but only together with ENOMEM. */
static void *allowed(void *block) {
    require(block != NULL || errno == ENOMEM);
    return block;
}

static void *allocate(uint64_t kind, size_t size) {
    errno = 0;
    switch (kind % 4) {
    case 0: {
        unsigned char *block = allowed(calloc(1, size));
        require(block == NULL || is_filled_with(block, size, 0));
        return block;
    }
    case 1:
        return allowed(memalign((size_t)16 << (kind >> 8) % 14, size));
    default:
        return allowed(malloc(size));
    }
}

static void replace(struct held *held, uint64_t *random) {
    require(pattern_holds(held->block, stamped(held->size), held->stamp));
    free(held->block);
    held->size = random_size(random, largest);
    held->block = allocate(random_next(random), held->size);
    held->size = held->block ? held->size : 0;
    held->stamp = random_next(random);
    pattern_fill(held->block, stamped(held->size), held->stamp);
}

static void resize(struct held *held, uint64_t *random) {
    size_t size = random_size(random, largest) + 1;
    size_t kept = held->size < size ? held->size : size;
    errno = 0;
    void *block = allowed(realloc(held->block, size));
    if (block == NULL) {
        require(pattern_holds(held->block, stamped(held->size), held->stamp));
        return;
    }
    require(pattern_holds(block, stamped(kept), held->stamp));
    *held = (struct held){block, size, held->stamp};
    pattern_fill(block, stamped(size), held->stamp);
}

/* Blocks so large that they move by pages, if the allocator does that. */
static void move_a_huge_block(void) {
    size_t size = (size_t)66 << 20;
    void *block = allowed(malloc(size));
    void *wall = allowed(malloc(size));
    if (block != NULL) {
        pattern_fill(block, STAMPED, 3);
        void *moved = allowed(realloc(block, 5 * size));
        require(pattern_holds(moved ? moved : opaque(block), STAMPED, 3));
        free(moved ? moved : opaque(block));
    }
    free(wall);
}

/* One thread's life: mixed operations that may fail, checked after each one. */
static void *mixed_life(void *argument) {
    static __thread struct held table[HELD];
    uint64_t random = (uintptr_t)argument;
    for (size_t step = 0; step < STEPS; step++) {
        uint64_t word = random_next(&random);
        struct held *held = &table[(word >> 32) % HELD];
        (word % 4 == 0 ? resize : replace)(held, &random);
        if (step % 300 == 299) {
            malloc_trim(0);
        }
    }
    move_a_huge_block();
    for (size_t i = 0; i < HELD; i++) {
        require(pattern_holds(table[i].block, stamped(table[i].size), table[i].stamp));
        free(table[i].block);
        table[i] = (struct held){0};
    }
    return NULL;
}

static void one_thread(void *argument) {
    mixed_life(argument);
}

static void a_second_thread(void *argument) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, mixed_life, argument) == 0) {
        require(pthread_join(thread, NULL) == 0);
    }
    mixed_life(argument);
}

static const struct kind {
    int call;
    const char *name;
} kinds[] = {{-1, "any call"},
             {__NR_mmap, "mmap"},
             {__NR_munmap, "munmap"},
             {__NR_mremap, "mremap"},
             {__NR_madvise, "madvise"},
             {__NR_mprotect, "mprotect"},
             {__NR_process_madvise, "process_madvise"}};

/* Fails calls n to n + span - 1 for n = 1, 2, ... until the body makes fewer calls than n. */
static void sweep(struct kind kind, unsigned long span, void (*body)(void *)) {
    unsigned long most = 0;
    for (unsigned long n = 1; n < MOST_CALLS; n += 1 + n / 12) {
        struct fault_plan plan = {.call = kind.call, .first = n, .last = n + span - 1};
        struct fault_report report = faults_run(plan, body, (void *)(uintptr_t)7, 30);
        if (report.status != 0) {
            fail_msg("%s: from failure %lu on (%lu in a row): status 0x%x%s", kind.name, n, span,
                     (unsigned)report.status, report.timed_out ? " (time-out)" : "");
        }
        most = report.calls > most ? report.calls : most;
        if (report.calls < n) {
            break;
        }
    }
    print_message("%s: %lu calls swept\n", kind.name, most);
}

static void skip_unless_possible(void) {
    if (!faults_are_possible()) {
        print_message("skipped: this kernel or sandbox has no seccomp notification\n");
        skip();
    }
}

static void any_one_kernel_call_may_fail(void **state) {
    (void)state;
    skip_unless_possible();
    sweep(kinds[0], 1, one_thread);
    sweep(kinds[0], 1, a_second_thread);
}

static void each_kind_of_kernel_call_may_fail_for_ever(void **state) {
    (void)state;
    skip_unless_possible();
    for (size_t i = 1; i < sizeof kinds / sizeof *kinds; i++) {
        sweep(kinds[i], 1, one_thread);
        sweep(kinds[i], ENDLESS, one_thread);
    }
}

static void every_kernel_call_may_fail_for_ever(void **state) {
    (void)state;
    skip_unless_possible();
    sweep(kinds[0], 4, a_second_thread);
    sweep(kinds[0], ENDLESS, a_second_thread);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_one_kernel_call_may_fail),
        cmocka_unit_test(each_kind_of_kernel_call_may_fail_for_ever),
        cmocka_unit_test(every_kernel_call_may_fail_for_ever),
    };
    return cmocka_run_group_tests(tests, provider_is_expected, NULL);
}
