/*
 * The rest of what the C library exports of its malloc: its own names for the functions, totals,
 * tuning. Blocks pass freely between the names, and answers are those of glibc's manual.
 */
#include "support.h"

#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void *__libc_valloc(size_t size);
void *__libc_pvalloc(size_t size);
void __libc_free(void *block);

static void use_and_free(void *block, size_t size) {
    assert_non_null(block);
    assert_true(malloc_usable_size(block) >= size);
    memset(block, 0xA5, malloc_usable_size(block));
    free(block);
}

static void blocks_of_libcs_names_are_blocks_of_malloc(void **state) {
    (void)state;
    for (size_t size = 1; size < (size_t)8 << 20; size *= 3) {
        use_and_free(__libc_malloc(size), size);
        use_and_free(__libc_calloc(size, 1), size);
        use_and_free(__libc_realloc(malloc(10), size), size);
        use_and_free(realloc(__libc_malloc(10), size), size);
        use_and_free(__libc_memalign(64, size), size);
        use_and_free(__libc_valloc(size), size);
        use_and_free(__libc_pvalloc(size), size);
        void *block = malloc(size);
        assert_non_null(block);
        memset(block, 0xA5, size);
        __libc_free(block);
        __libc_free(NULL);
    }
}

static void memalign_takes_the_next_power_of_two(void **state) {
    (void)state;
    static const struct {
        size_t asked, given;
    } alignments[] = {{0, 1}, {1, 1}, {3, 4}, {24, 32}, {48, 64}, {100, 128}, {5000, 8192}};
    for (size_t i = 0; i < sizeof alignments / sizeof *alignments; i++) {
        void *block = memalign(alignments[i].asked, 100);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % alignments[i].given, 0);
        use_and_free(block, 100);
    }
    errno = 0;
    assert_null(memalign(SIZE_MAX / 2 + 2, 1));
    assert_int_equal(errno, EINVAL);
    errno = 0;
    assert_null(memalign(SIZE_MAX / 2 + 1, 1));
    assert_int_equal(errno, ENOMEM);
}

enum { COUNT = 1000, SIZE = 100 << 10 };
static const size_t live_bytes = (size_t)COUNT * SIZE;
static void *blocks[COUNT];

static void blocks_take(void) {
    for (size_t i = 0; i < COUNT; i++) {
        blocks[i] = malloc(SIZE);
        assert_non_null(blocks[i]);
    }
}

static void blocks_free(void) {
    for (size_t i = 0; i < COUNT; i++) {
        free(blocks[i]);
    }
}

static size_t difference(size_t a, size_t b) {
    return a > b ? a - b : b - a;
}

static void mallinfo_agrees_with_mallinfo2(void **state) {
    (void)state;
    blocks_take();
    struct mallinfo2 wide = mallinfo2();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    struct mallinfo narrow = mallinfo();
#pragma GCC diagnostic pop
    size_t used = (size_t)narrow.uordblks + (size_t)narrow.hblkhd;
    assert_true(used >= live_bytes);
    assert_true(difference(used, wide.uordblks + wide.hblkhd) < live_bytes / 100);
    assert_true(difference((size_t)narrow.arena, wide.arena) < live_bytes / 100);
    blocks_free();
}

/* The largest size="N" of the elements that start so. */
static size_t largest(const char *text, const char *element) {
    size_t most = 0;
    for (const char *at = text; (at = strstr(at, element)) != NULL; at++) {
        const char *size = strstr(at, "size=\"");
        size_t value = size ? strtoull(size + 6, NULL, 10) : 0;
        most = value > most ? value : most;
    }
    return most;
}

static char *information(void) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    assert_non_null(stream);
    assert_int_equal(malloc_info(0, stream), 0);
    fclose(stream);
    return text;
}

static void malloc_info_tells_what_is_held(void **state) {
    (void)state;
    blocks_take();
    char *text = information();
    assert_int_equal(strncmp(text, "<malloc version=\"1\">\n", 21), 0);
    assert_string_equal(text + strlen(text) - 10, "</malloc>\n");
    size_t held = largest(text, "<system type=\"current\"") + largest(text, "<total type=\"mmap\"");
    assert_true(held >= live_bytes && held < 4 * live_bytes);
    assert_true(largest(text, "<system type=\"max\"") >= largest(text, "<system type=\"current\""));
    free(text);
    blocks_free();
}

static void malloc_info_refuses_options(void **state) {
    (void)state;
    assert_int_equal(malloc_info(1, stdout), EINVAL);
    assert_int_equal(malloc_info(-1, stdout), EINVAL);
}

static void mallopt_answers_as_documented(void **state) {
    (void)state;
    static const int parameters[] = {M_TRIM_THRESHOLD, M_TOP_PAD,   M_MMAP_THRESHOLD, M_MMAP_MAX,
                                     M_CHECK_ACTION,   M_ARENA_MAX, M_ARENA_TEST};
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        assert_int_equal(mallopt(parameters[i], 1 << 20), 1);
    }
    assert_int_equal(mallopt(M_MXFAST, 64), 1);
    assert_int_equal(mallopt(M_MXFAST, 80 * (int)sizeof(size_t) / 4), 1);
    assert_int_equal(mallopt(M_MXFAST, 80 * (int)sizeof(size_t) / 4 + 1), 0);
    assert_int_equal(mallopt(M_MXFAST, -1), 0);
    use_and_free(malloc(100), 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_of_libcs_names_are_blocks_of_malloc),
        cmocka_unit_test(memalign_takes_the_next_power_of_two),
        cmocka_unit_test(mallinfo_agrees_with_mallinfo2),
        cmocka_unit_test(malloc_info_tells_what_is_held),
        cmocka_unit_test(malloc_info_refuses_options),
        cmocka_unit_test(mallopt_answers_as_documented),
    };
    return cmocka_run_group_tests(tests, provider_is_expected, NULL);
}
