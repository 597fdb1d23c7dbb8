/* How the arena grows: few kernel calls and mappings, round what lies in the way, whole after every
 * refusal. */
#include "allocators/slotmalloc/include/slotmalloc.h"
#include "allocators/slotmalloc/src/base/kernel.h"
#include "allocators/slotmalloc/src/memory/growing.h"
#include "allocators/slotmalloc/src/memory/region.h"
#include "allocators/slotmalloc/src/memory/supply.h"
#include "tests/allocators/conformance/support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cmocka.h>

#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

enum { MOST = 4096 };
static char *blocks[MOST];

static uint64_t calls(enum kernel_call_kind kind) {
    return atomic_load_explicit(&kernel_counts[kind].calls, memory_order_relaxed);
}

/* Mappings of the process. */
static size_t mappings(void) {
    FILE *maps = fopen("/proc/self/maps", "r");
    size_t lines = 0;
    require(maps != NULL);
    for (int c; (c = getc(maps)) != EOF;) {
        lines += c == '\n';
    }
    require(fclose(maps) == 0);
    return lines;
}

/* Fills with blocks of `size`, stamped at both ends, up to `bytes`; returns how many. */
static size_t fill(size_t size, size_t bytes) {
    size_t count = 0;
    while (count < MOST && count * size < bytes &&
           (blocks[count] = slotmalloc_malloc(size)) != NULL) {
        blocks[count][0] = blocks[count][size - 1] = (char)count;
        count++;
    }
    return count;
}

static void check_and_free(size_t count, size_t size) {
    for (size_t i = 0; i < count; i++) {
        require(blocks[i][0] == (char)i && blocks[i][size - 1] == (char)i);
        slotmalloc_free(blocks[i]);
    }
}

/* In a child, so that each test begins with a small arena. */
static void grow_to_ten_gib(void *argument) {
    static const size_t sizes[] = {3 * MIB, 100 * MIB, 5 * GIB};
    (void)argument;
    slotmalloc_free(slotmalloc_malloc(1));
    uint64_t mapped = calls(KERNEL_map), others = calls(KERNEL_unmap) + calls(KERNEL_huge_page);
    size_t before = mappings(), got = 0;
    require(mapped <= 8);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t limit = i == 0 ? 2 * GIB : i == 1 ? 3 * GIB : 5 * GIB;
        got += fill(sizes[i], limit) * sizes[i];
    }
    require(got >= 10 * GIB);
    require(calls(KERNEL_map) - mapped <= 20);
    require(calls(KERNEL_unmap) + calls(KERNEL_huge_page) == others);
    require(mappings() <= before + 4);
    require(slotmalloc_check());
}

static void ten_gib_take_few_kernel_calls_and_few_mappings(void **state) {
    (void)state;
    assert_true(child_succeeds(grow_to_ten_gib, NULL, 60));
}

/* What the kernel counts stays in proportion to what is in use, at every size. */
static void stay_in_proportion(void *argument) {
    (void)argument;
    for (size_t live = 4 * MIB; live < GIB; live += 4 * MIB) {
        require(slotmalloc_malloc(opaque_size(4 * MIB)) != NULL);
        size_t mapped =
            (size_t)atomic_load_explicit(&kernel_counts[KERNEL_map].bytes, memory_order_relaxed);
        size_t metadata = live < 500 * MIB ? 3 * MIB : 75 * MIB;
        require(mapped <= metadata + 8 * MIB + 2 * live);
    }
}

static void mapped_memory_is_in_proportion_to_use(void **state) {
    (void)state;
    assert_true(child_succeeds(stay_in_proportion, NULL, 60));
}

/* An address beyond all that is mapped. */
static char *unmapped_place(size_t behind) {
    uint32_t end = region_end() * REGION_SUPERSLABS;
    while (
        end > 0 &&
        !(arena.index[(end - 1) / REGION_SUPERSLABS].mapped >> (end - 1) % REGION_SUPERSLABS & 1)) {
        end--;
    }
    return (char *)superslab_address(end) + behind;
}

static char *plant(char *at, size_t bytes) {
    char *stone = mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(stone != MAP_FAILED);
    if (stone == at) {
        memset(stone, 0x5a, 4096);
    }
    return stone == at ? stone : NULL;
}

static void grow_round_obstacles(void *argument) {
    size_t size = *(size_t *)argument, planted = 0;
    char *stones[64];
    slotmalloc_free(slotmalloc_malloc(1));
    for (size_t i = 0; i < 64; i++) {
        stones[i] = plant(unmapped_place((i % 7) * 26 * MIB), i % 3 ? 4096 : 300 * MIB);
        planted += stones[i] != NULL;
        size_t count = fill(size, 40 * MIB);
        require(count * size >= 40 * MIB);
        for (size_t j = 0; j < count; j++) {
            memset(blocks[j], 0xa5, 4096);
        }
    }
    require(planted >= 8);
    for (size_t i = 0; i < 64; i++) {
        require(stones[i] == NULL || (stones[i][0] == 0x5a && stones[i][4095] == 0x5a));
    }
    require(slotmalloc_check());
}

static void what_lies_in_the_way_is_gone_round(void **state) {
    static size_t sizes[] = {30000, 500000, 3 * MIB, 150 * MIB};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (!child_succeeds(grow_round_obstacles, &sizes[i], 60)) {
            fail_msg("with blocks of %zu bytes", sizes[i]);
        }
    }
}

/* Under a limit, the addresses of freed blocks must serve a longer one that fits no hole. */
static void outgrow_the_holes(void *argument) {
    (void)argument;
    slotmalloc_free(slotmalloc_malloc(1));
    struct rlimit space = {512 * MIB, 512 * MIB};
    require(setrlimit(RLIMIT_DATA, &space) == 0);
    size_t count = fill(20 * MIB, 400 * MIB);
    require(count == 20);
    for (size_t i = 0; i < count; i += 2) {
        slotmalloc_free(blocks[i]);
    }
    char *longer = slotmalloc_calloc(150, MIB);
    require(longer != NULL);
    for (size_t i = 0; i < 150 * MIB; i += 4096) {
        require(longer[i] == 0);
    }
    for (size_t i = 1; i < count; i += 2) {
        require(blocks[i][0] == (char)i && blocks[i][20 * MIB - 1] == (char)i);
        slotmalloc_free(blocks[i]);
    }
    slotmalloc_free(longer);
    check_and_free(fill(1000, 2 * MIB), 1000);
    require(slotmalloc_check());
}

static void unused_addresses_serve_longer_blocks_under_a_limit(void **state) {
    (void)state;
    assert_true(child_succeeds(outgrow_the_holes, NULL, 60));
}

/* Every growth step refused in turn: NULL or a block, and afterwards all is as it was. */
static void refuse_each_step(void *argument) {
    (void)argument;
    static const size_t sizes[] = {500, 30000, 500000, 3 * MIB, 200 * MIB};
    for (int64_t allowed = 0; allowed < 12; allowed++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            kernel_fault_after = allowed;
            size_t count = fill(sizes[i], 30 * MIB);
            kernel_fault_after = -1;
            require(slotmalloc_check());
            size_t more = 0;
            for (; count + more < MOST && more < 8; more++) {
                blocks[count + more] = slotmalloc_malloc(sizes[i]);
                require(blocks[count + more] != NULL);
                blocks[count + more][0] = blocks[count + more][sizes[i] - 1] = (char)(count + more);
            }
            check_and_free(count + more, sizes[i]);
        }
    }
}

static void a_refused_step_leaves_all_as_it_was(void **state) {
    (void)state;
    assert_true(child_succeeds(refuse_each_step, NULL, 120));
}

/* A child may be forked before, in, or after the call that maps a step. */
static void a_step_that_a_fork_cut_short_is_completed(void **state) {
    (void)state;
    size_t page = kernel_page_size();
    for (int mapped = 0; mapped < 2; mapped++) {
        char *hole =
            mmap(NULL, 64 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(hole != MAP_FAILED);
        assert_int_equal(munmap(hole + page * (mapped ? 9 : 1), page * (mapped ? 55 : 63)), 0);
        hole[0] = 1;
        struct growing array = {.start = (uintptr_t)hole,
                                .bytes = page,
                                .limit = 64 * page,
                                .first = page,
                                .claimed = 9 * page};
        growing_complete(&array);
        assert_int_equal(array.bytes, 9 * page);
        assert_int_equal(hole[0], 1);
        assert_int_equal(hole[9 * page - 1], 0);
        assert_int_equal(growing_reach(&array, 10 * page), OK);
        assert_true(array.bytes >= 10 * page && array.bytes <= 64 * page);
        assert_int_equal(hole[10 * page - 1], 0);
        growing_drop(&array);
    }
}

static void a_thousand_heaps_can_be_had(void **state) {
    (void)state;
    slotmalloc_free(slotmalloc_malloc(1));
    struct heap *last = NULL, *heap;
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(supply_heap(&heap), OK);
        assert_true(heap > last);
        heap->ticks = 1; /* it can be written */
        last = heap;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_gib_take_few_kernel_calls_and_few_mappings),
        cmocka_unit_test(mapped_memory_is_in_proportion_to_use),
        cmocka_unit_test(what_lies_in_the_way_is_gone_round),
        cmocka_unit_test(unused_addresses_serve_longer_blocks_under_a_limit),
        cmocka_unit_test(a_refused_step_leaves_all_as_it_was),
        cmocka_unit_test(a_step_that_a_fork_cut_short_is_completed),
        cmocka_unit_test(a_thousand_heaps_can_be_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
