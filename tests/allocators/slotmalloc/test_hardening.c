/* What a program must not do ends it with one line on standard error and SIGABRT. */
#include "allocators/slotmalloc/include/slotmalloc.h"
#include "allocators/slotmalloc/src/memory/arena.h"
#include "tests/allocators/conformance/support.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *allocate(size_t size) {
    char *block = slotmalloc_malloc(size);
    require(block != NULL);
    return opaque(block);
}

static void release(void *block) {
    slotmalloc_free(opaque(block));
}

/* Blocks of the small classes, of spans, a run, and a huge block. */
static const size_t sizes[] = {16, 100, 1000, 5000, 20000, 100000, (size_t)5 << 20};
enum { SIZES = sizeof sizes / sizeof *sizes };

struct misdeed {
    void (*commit)(size_t size);
    size_t size;
    const char *options;
};

/* Adds to the options of the environment; the first allocation, a child's own, reads them. */
static void options_add(const char *options) {
    char text[200];
    const char *given = getenv("SLOTMALLOC");
    snprintf(text, sizeof text, "%s,%s", given ? given : "", options);
    setenv("SLOTMALLOC", text, 1);
}

static void in_child(void *argument) {
    const struct misdeed *misdeed = argument;
    options_add(misdeed->options);
    misdeed->commit(misdeed->size);
}

static void expect_abort(void (*commit)(size_t), size_t size, const char *options) {
    struct misdeed misdeed = {commit, size, options};
    struct outcome outcome = child_run(in_child, &misdeed, 20);
    const char *newline = strchr(outcome.text, '\n');
    bool one_line =
        newline != NULL && (newline[1] == '\0' || strncmp(newline + 1, "qemu: ", 6) == 0);
    if (outcome.signal != SIGABRT || strncmp(outcome.text, "slotmalloc: ", 12) != 0 || !one_line) {
        fail_msg("size %zu, options '%s': signal %d, status %d, text '%s'", size, options,
                 outcome.signal, outcome.exit_code, outcome.text);
    }
}

static void expect_abort_for_every_size(void (*commit)(size_t), const char *options) {
    for (size_t i = 0; i < SIZES; i++) {
        expect_abort(commit, sizes[i], options);
    }
}

static void free_wild(size_t address) {
    release(allocate(100));
    release((void *)address);
}

static void a_wild_pointer_aborts(void **state) {
    (void)state;
    expect_abort(free_wild, 64, "");
    expect_abort(free_wild, 0x1234567890, "");
    expect_abort(free_wild, UINTPTR_MAX - 15, "");
}

static void free_foreign(size_t size) {
    release(allocate(size));
    release(malloc(size)); /* the C library's */
}

static void free_from_stack(size_t size) {
    char here[64];
    release(allocate(size));
    release(here);
}

static void a_foreign_pointer_aborts(void **state) {
    (void)state;
    expect_abort_for_every_size(free_foreign, "");
    expect_abort(free_from_stack, 16, "");
}

static void free_metadata(size_t offset) {
    release(allocate(100));
    release((char *)arena.ident + offset);
}

static void free_first_superslab(size_t offset) {
    release(allocate(100));
    release((char *)arena.base + offset);
}

static void free_never_used(size_t below_end) {
    release(allocate(100));
    release((void *)(arena.base + arena_extent() - below_end));
}

static void a_pointer_into_metadata_or_unused_space_aborts(void **state) {
    (void)state;
    expect_abort(free_metadata, 0, "");
    expect_abort(free_metadata, 4096, "");
    expect_abort(free_first_superslab, 0, "");
    expect_abort(free_first_superslab, 65536, "");
    expect_abort(free_never_used, 65536, "");
    expect_abort(free_never_used, 4096, "");
}

static void free_one_byte_in(size_t size) {
    release(allocate(size) + 1);
}

static void free_half_way(size_t size) {
    release(allocate(size) + size / 2 / 16 * 16 + 16);
}

static void a_pointer_into_a_block_aborts(void **state) {
    (void)state;
    expect_abort_for_every_size(free_one_byte_in, "");
    for (size_t i = 1; i < SIZES; i++) { /* 16 bytes have no inside */
        expect_abort(free_half_way, sizes[i], "");
    }
}

static void realloc_inside(size_t size) {
    (void)slotmalloc_realloc(allocate(size) + 8, size * 3);
}

static void ask_inside(size_t size) {
    (void)slotmalloc_malloc_usable_size(allocate(size) + 8);
}

static void realloc_and_usable_size_check_their_pointer_too(void **state) {
    (void)state;
    expect_abort_for_every_size(realloc_inside, "");
    expect_abort_for_every_size(ask_inside, "");
}

static void free_twice(size_t size) {
    char *other = allocate(size);
    char *block = allocate(size);
    release(block);
    release(block);
    release(other);
}

static void an_immediate_double_free_aborts(void **state) {
    (void)state;
    expect_abort_for_every_size(free_twice, "");
}

/* Of the next slot of a span, and with other blocks on the magazine below it. */
static void free_later_one_twice(size_t size) {
    char *blocks[12];
    for (size_t i = 0; i < 12; i++) {
        blocks[i] = allocate(size);
    }
    for (size_t i = 0; i < 12; i++) {
        release(blocks[i]);
    }
    release(blocks[11]);
}

static void a_double_free_among_many_frees_aborts(void **state) {
    (void)state;
    expect_abort_for_every_size(free_later_one_twice, "");
}

static void *free_twice_as_another(void *block) {
    release(block);
    release(block);
    return NULL;
}

static void free_twice_elsewhere(size_t size) {
    pthread_t thread;
    char *block = allocate(size);
    require(pthread_create(&thread, NULL, free_twice_as_another, block) == 0);
    pthread_join(thread, NULL);
}

static void an_immediate_double_free_by_another_thread_aborts(void **state) {
    (void)state;
    expect_abort_for_every_size(free_twice_elsewhere, "");
}

/* Two blocks in turn, so that neither is freed twice in a row. */
static void *free_in_turn(void *blocks) {
    for (size_t i = 0; i < 20000; i++) {
        release(((void **)blocks)[i % 2]);
    }
    return NULL;
}

static void free_more_than_there_are(size_t size) {
    void *blocks[] = {allocate(size), allocate(size)};
    pthread_t thread;
    require(pthread_create(&thread, NULL, free_in_turn, blocks) == 0);
    require(pthread_join(thread, NULL) == 0);
}

/* Their owner never looks: the thread that frees must see it. */
static void more_frees_by_another_thread_than_a_slot_has_blocks_abort(void **state) {
    (void)state;
    static const size_t class_sizes[] = {16, 100, 1000, 5000, 20000};
    for (size_t i = 0; i < sizeof class_sizes / sizeof *class_sizes; i++) {
        expect_abort(free_more_than_there_are, class_sizes[i], "");
    }
}

static void write_beyond(size_t size) {
    char *block = allocate(size);
    block[size] ^= 1;
    release(block);
}

static void write_far_beyond(size_t size) {
    char *block = allocate(size);
    memset(block + size, 0, 20);
    release(block);
}

static void the_canary_sees_an_overflow(void **state) {
    (void)state;
    expect_abort_for_every_size(write_beyond, "check=full");
    expect_abort_for_every_size(write_far_beyond, "check=full");
}

/* Frees other blocks until those before them leave the quarantine. */
static void pass_time(void) {
    for (size_t i = 0; i < 2000; i++) {
        release(allocate(64));
    }
}

static void write_after_free(size_t size) {
    char *block = allocate(size);
    release(block);
    block[size / 2] ^= 1;
    pass_time();
}

static void the_quarantine_sees_a_write_after_free(void **state) {
    (void)state;
    for (size_t i = 0; sizes[i] < 65536; i++) { /* larger ones are not kept */
        expect_abort(write_after_free, sizes[i], "check=full");
    }
}

static void free_again_later(size_t size) {
    char *block = allocate(size);
    release(block);
    for (size_t i = 0; i < 20; i++) {
        release(allocate(size));
    }
    release(block);
}

static void a_later_double_free_aborts(void **state) {
    (void)state;
    for (size_t i = 0; sizes[i] < 65536; i++) {
        expect_abort(free_again_later, sizes[i], "check=full");
    }
}

static void free_as_one_byte_more(size_t size) {
    slotmalloc_free_sized(allocate(size), size + 1);
}

static void free_as_aligned_too_far(size_t size) {
    char *block = slotmalloc_aligned_alloc(64, size);
    require(block != NULL);
    size_t alignment = 64;
    while ((uintptr_t)block % alignment == 0) {
        alignment *= 2;
    }
    slotmalloc_free_aligned_sized(opaque(block), alignment, size);
}

static void a_wrong_size_or_alignment_of_free_aborts(void **state) {
    (void)state;
    expect_abort_for_every_size(free_as_one_byte_more, "check=full");
    expect_abort_for_every_size(free_as_aligned_too_far, "check=full");
}

static void behave(void *options) {
    options_add(options);
    uint64_t random = 5;
    for (size_t i = 0; i < 3000; i++) {
        size_t size = random_size(&random, 200000);
        char *block = allocate(size);
        memset(block, 1, slotmalloc_malloc_usable_size(block));
        block = slotmalloc_realloc(block, size + random_size(&random, 5000) + 1);
        require(size == 0 || block[size - 1] == 1);
        release(block);
    }
}

static void a_sound_program_passes_every_check(void **state) {
    (void)state;
    assert_true(child_succeeds(behave, "", 30));
    assert_true(child_succeeds(behave, "check=full", 60));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wild_pointer_aborts),
        cmocka_unit_test(a_foreign_pointer_aborts),
        cmocka_unit_test(a_pointer_into_metadata_or_unused_space_aborts),
        cmocka_unit_test(a_pointer_into_a_block_aborts),
        cmocka_unit_test(realloc_and_usable_size_check_their_pointer_too),
        cmocka_unit_test(an_immediate_double_free_aborts),
        cmocka_unit_test(a_double_free_among_many_frees_aborts),
        cmocka_unit_test(an_immediate_double_free_by_another_thread_aborts),
        cmocka_unit_test(more_frees_by_another_thread_than_a_slot_has_blocks_abort),
        cmocka_unit_test(the_canary_sees_an_overflow),
        cmocka_unit_test(the_quarantine_sees_a_write_after_free),
        cmocka_unit_test(a_later_double_free_aborts),
        cmocka_unit_test(a_wrong_size_or_alignment_of_free_aborts),
        cmocka_unit_test(a_sound_program_passes_every_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
