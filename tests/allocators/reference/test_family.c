/*
 * What the malloc family owes to any program, with the reference allocator that is linked.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/cmocka_all.h"

/* Sizes that the compiler must not see, lest it warns of what the tests are about. */
static volatile size_t too_large = PTRDIFF_MAX;
static volatile size_t half_of_everything = SIZE_MAX / 2 + 1;

static void malloc_comes_from_the_allocator(void **state) {
    (void)state;
    Dl_info info;
    assert_int_not_equal(dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info), 0);
    assert_true(strstr(info.dli_fname, "/libbump.so") || strstr(info.dli_fname, "/liblifo.so"));
}

static void all_usable_bytes_belong_to_their_block(void **state) {
    (void)state;
    enum { COUNT = 3000 };
    static unsigned char *block[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = i < 2000 ? i : (i - 1999) * 997;
        block[i] = malloc(size);
        assert_non_null(block[i]);
        assert_int_equal((uintptr_t)block[i] % 16, 0);
        assert_true(malloc_usable_size(block[i]) >= size);
        memset(block[i], (int)(i % 251), malloc_usable_size(block[i]));
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t at = malloc_usable_size(block[i]); at-- > 0;) {
            assert_int_equal(block[i][at], i % 251);
        }
        free(block[i]);
    }
}

static void at_most_a_quarter_of_a_block_is_rounding(void **state) {
    (void)state;
    for (size_t size = 1; size < 100 << 20; size += size / 7 + 1) {
        void *block = malloc(size);
        assert_in_range(malloc_usable_size(block), size, size + size / 4 + 24);
        free(block);
    }
}

static void calloc_gives_zeroes_where_a_block_was_dirty(void **state) {
    (void)state;
    for (size_t size = 1; size < 4 << 20; size *= 3) {
        char *dirty = malloc(size);
        memset(dirty, 0xA5, malloc_usable_size(dirty));
        free(dirty);
        char *block = calloc(size, 1);
        for (size_t at = 0; at < size; at++) {
            assert_int_equal(block[at], 0);
        }
        free(block);
    }
}

static void realloc_keeps_the_content(void **state) {
    (void)state;
    unsigned char *block = realloc(NULL, 1);
    block[0] = 42;
    for (size_t size = 2; size < 1 << 20; size += size / 2) {
        block = realloc(block, size);
        assert_int_equal(block[0], 42);
        assert_int_equal(block[size / 2 - 1], size > 3 ? 42 : block[size / 2 - 1]);
        memset(block, 42, size);
    }
    block = realloc(block, 10);
    assert_int_equal(block[9], 42);
    assert_non_null(block = realloc(block, 0));
    free(block);
}

static void a_failed_realloc_keeps_the_block(void **state) {
    (void)state;
    char *block = malloc(100);
    strcpy(block, "kept");
    errno = 0;
    void *larger = realloc(block, too_large + 1);
    assert_null(larger);
    assert_int_equal(errno, ENOMEM);
    if (!larger) {
        larger = reallocarray(block, half_of_everything, 2);
    }
    assert_null(larger);
    assert_string_equal(block, "kept");
    free(block);
}

static void alignments_up_to_huge_pages_hold(void **state) {
    (void)state;
    for (size_t align = 16; align <= 4 << 20; align *= 2) {
        for (size_t size = 1; size <= 1 << 20; size *= 32) {
            char *block = memalign(align, size);
            assert_int_equal((uintptr_t)block % align, 0);
            assert_true(malloc_usable_size(block) >= size);
            memset(block, 1, malloc_usable_size(block));
            block = realloc(block, 2 * size);
            assert_int_equal(block[size - 1], 1);
            free(block);
        }
    }
}

static void aligned_blocks_can_be_used_again(void **state) {
    (void)state;
    for (int round = 0; round < 100; round++) {
        char *aligned = aligned_alloc(4096, 100), *plain = malloc(4100);
        memset(aligned, 1, malloc_usable_size(aligned));
        memset(plain, 2, malloc_usable_size(plain));
        assert_int_equal(aligned[malloc_usable_size(aligned) - 1], 1);
        free(aligned);
        free(plain);
    }
}

static void valloc_and_pvalloc_give_pages(void **state) {
    (void)state;
    void *page = valloc(1), *pages = pvalloc(5000);
    assert_int_equal((uintptr_t)page % 4096, 0);
    assert_int_equal((uintptr_t)pages % 4096, 0);
    assert_true(malloc_usable_size(pages) >= 8192);
    free(page);
    free(pages);
}

static void impossible_sizes_set_enomem(void **state) {
    (void)state;
    errno = 0;
    assert_null(malloc(too_large + 1));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(calloc(half_of_everything, 2));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(memalign(1 << 20, too_large));
    assert_int_equal(errno, ENOMEM);
    assert_null(pvalloc(too_large + 1));
}

static void wrong_alignments_set_einval(void **state) {
    (void)state;
    void *block = state;
    volatile size_t odd = 24;
    errno = 0;
    assert_null(aligned_alloc(odd, 100));
    assert_int_equal(errno, EINVAL);
    errno = 0;
    assert_int_equal(posix_memalign(&block, odd, 100), EINVAL);
    assert_int_equal(posix_memalign(&block, 4, 100), EINVAL);
    assert_int_equal(posix_memalign(&block, 64, too_large), ENOMEM);
    assert_ptr_equal(block, state);
    assert_int_equal(errno, 0);
}

static size_t address_space_bytes(void) {
    size_t pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    assert_int_equal(fscanf(statm, "%zu", &pages), 1);
    fclose(statm);
    return pages * 4096;
}

/* In a process of its own. What the limit leaves is less than a chunk, and is used up in smaller
 * ones. */
static int use_up_limited_memory(void) {
    enum { LEFT = 50 << 20 };
    struct rlimit limit = {address_space_bytes() + LEFT, RLIM_INFINITY};
    setrlimit(RLIMIT_AS, &limit);
    size_t total = 0;
    while (malloc(1000)) {
        total += 1000;
    }
    return errno == ENOMEM && total > LEFT / 10 * 9;
}

static void exhaustion_gives_null_and_leaves_little_unused(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        _exit(use_up_limited_memory() ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malloc_comes_from_the_allocator),
        cmocka_unit_test(all_usable_bytes_belong_to_their_block),
        cmocka_unit_test(at_most_a_quarter_of_a_block_is_rounding),
        cmocka_unit_test(calloc_gives_zeroes_where_a_block_was_dirty),
        cmocka_unit_test(realloc_keeps_the_content),
        cmocka_unit_test(a_failed_realloc_keeps_the_block),
        cmocka_unit_test(alignments_up_to_huge_pages_hold),
        cmocka_unit_test(aligned_blocks_can_be_used_again),
        cmocka_unit_test(valloc_and_pvalloc_give_pages),
        cmocka_unit_test(impossible_sizes_set_enomem),
        cmocka_unit_test(wrong_alignments_set_einval),
        cmocka_unit_test(exhaustion_gives_null_and_leaves_little_unused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
