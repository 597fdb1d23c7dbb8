/* Blocks: allocation, freeing, translation, alignment, exhaustion, statistics. One process, one
 * thread. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct shm_arena *arena;

static int open_pool(void **state) {
    (void)state;
    arena = pool_of(16 * MIB, 0);
    return 0;
}

static int close_pool(void **state) {
    (void)state;
    shm_arena_detach(arena);
    return 0;
}

static void a_block_tells_where_it_is_in_all_ways(void **state) {
    (void)state;
    struct shm_block b, described;
    assert_ok(shm_arena_alloc(arena, 5000, 0, &b));
    assert_non_null(b.address);
    assert_true(b.size >= 5000);
    assert_ptr_equal(shm_arena_address(arena, b.offset), b.address);
    assert_int_equal(shm_arena_offset(arena, b.address), b.offset);
    assert_int_equal(b.arena_id, shm_arena_id(arena));
    assert_ok(shm_arena_describe(arena, b.offset, &described));
    assert_memory_equal(&described, &b, sizeof b);
}

static void blocks_of_all_sizes_do_not_overlap(void **state) {
    (void)state;
    enum { COUNT = 400 };
    struct shm_block blocks[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        assert_ok(shm_arena_alloc(arena, 1 + (size_t)i * i % 60000, 0, &blocks[i]));
        memset(blocks[i].address, (int)(i & 0xff), blocks[i].size);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        const unsigned char *bytes = blocks[i].address;
        for (size_t at = 0; at < blocks[i].size; at++)
            assert_int_equal(bytes[at], i & 0xff);
        assert_ok(shm_arena_free(arena, blocks[i].offset));
    }
    assert_whole(arena);
}

static void small_blocks_waste_little(void **state) {
    (void)state;
    struct shm_block b;
    for (size_t size = 64; size <= 32 * KIB; size += 61) {
        assert_ok(shm_arena_alloc(arena, size, 0, &b));
        assert_true(b.size >= size && b.size <= size + size / 2 + 64);
        assert_ok(shm_arena_free(arena, b.offset));
    }
}

static void alignment_is_kept(void **state) {
    (void)state;
    struct shm_block b;
    for (size_t alignment = 1; alignment <= 2 * MIB; alignment *= 2)
        for (size_t size = 1; size <= 300 * KIB; size = size * 3 + 1) {
            assert_ok(shm_arena_alloc(arena, size, alignment, &b));
            assert_int_equal((uintptr_t)b.address % alignment, 0);
            assert_int_equal(b.offset % alignment, 0);
            assert_ok(shm_arena_free(arena, b.offset));
        }
    assert_whole(arena);
}

static void senseless_requests_are_refused(void **state) {
    (void)state;
    struct shm_block b = {.offset = 7};
    assert_code(shm_arena_alloc(arena, 0, 0, &b), SHM_ARENA_INVALID);
    assert_code(shm_arena_alloc(arena, 64, 48, &b), SHM_ARENA_INVALID);
    assert_code(shm_arena_alloc(arena, 64, 4 * MIB, &b), SHM_ARENA_INVALID);
    assert_code(shm_arena_alloc(arena, 17 * MIB, 0, &b), SHM_ARENA_NO_MEMORY);
    assert_code(shm_arena_alloc(arena, SIZE_MAX, 0, &b), SHM_ARENA_NO_MEMORY);
    assert_int_equal(b.offset, 7);
    assert_int_equal(stats_of(arena).failed_count, 2); /* those that asked for too much */
}

static void only_the_start_of_a_live_block_can_be_freed(void **state) {
    (void)state;
    uint64_t small = alloc_offset(arena, 4096), large = alloc_offset(arena, 200 * KIB);
    uint64_t wrong[] = {0,         1,       small + 1,  small + 64, large + 64 * KIB,
                        large + 1, 1 << 20, UINT64_MAX, 1ul << 40};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_code(shm_arena_free(arena, wrong[i]), SHM_ARENA_NOT_A_BLOCK);
    assert_ok(shm_arena_free(arena, small));
    assert_ok(shm_arena_free(arena, large));
    assert_code(shm_arena_free(arena, small), SHM_ARENA_NOT_A_BLOCK);
    assert_code(shm_arena_free(arena, large), SHM_ARENA_NOT_A_BLOCK);
}

static void translation_stays_inside(void **state) {
    (void)state;
    struct shm_block b;
    assert_ok(shm_arena_alloc(arena, 16 * MIB, 0, &b));
    uint64_t end = b.offset + b.size;
    assert_non_null(shm_arena_address(arena, end - 1));
    assert_null(shm_arena_address(arena, end));
    assert_null(shm_arena_address(arena, b.offset - 1));
    assert_null(shm_arena_address(arena, 0));
    assert_null(shm_arena_address(arena, UINT64_MAX));
    assert_non_null(shm_arena_range(arena, b.offset, b.size));
    assert_null(shm_arena_range(arena, b.offset, b.size + 1));
    assert_null(shm_arena_range(arena, end - 1, UINT64_MAX));
    assert_null(shm_arena_range(arena, b.offset - 1, 2));
    assert_true(shm_arena_owns(arena, b.address));
    assert_false(shm_arena_owns(arena, (char *)b.address + b.size));
    assert_false(shm_arena_owns(arena, (char *)b.address - 1));
    assert_false(shm_arena_owns(arena, &b));
    assert_false(shm_arena_owns(arena, NULL));
    assert_int_equal(shm_arena_offset(arena, &b), 0);
}

static size_t fill_with(size_t size, uint64_t *offsets) {
    struct shm_block b;
    size_t count = 0;
    while (shm_arena_alloc(arena, size, 0, &b) == SHM_ARENA_OK)
        offsets[count++] = b.offset;
    return count;
}

static void a_full_pool_refuses_and_recovers(void **state) {
    (void)state;
    enum { MOST = 16 * MIB / 4096 + 1 };
    uint64_t *offsets = calloc(MOST, sizeof *offsets);
    struct shm_block b;
    for (int round = 0; round < 3; round++) {
        size_t count = fill_with(4096, offsets);
        assert_int_equal(count, 16 * MIB / 4096);
        assert_code(shm_arena_alloc(arena, 64, 0, &b), SHM_ARENA_NO_MEMORY);
        assert_ok(shm_arena_free(arena, offsets[count / 2]));
        assert_ok(shm_arena_alloc(arena, 4096, 0, &b));
        assert_int_equal(b.offset, offsets[count / 2]);
        while (count--)
            assert_ok(shm_arena_free(arena, offsets[count]));
    }
    free(offsets);
    assert_true(stats_of(arena).failed_count >= 3);
    assert_whole(arena);
}

static void space_of_one_class_serves_every_other(void **state) {
    (void)state;
    static const size_t sizes[] = {64, 32768, 300, 65536, 21000, 1 * MIB, 4096, 16 * MIB};
    uint64_t *offsets = calloc(16 * MIB / 64, sizeof *offsets);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t count = fill_with(sizes[i], offsets);
        assert_true(count * sizes[i] >= 9 * MIB);
        for (size_t at = 0; at < count; at++)
            assert_ok(shm_arena_free(arena, offsets[at]));
    }
    free(offsets);
}

static void neighbouring_free_runs_become_one(void **state) {
    (void)state;
    uint64_t a = alloc_offset(arena, 5 * MIB), b = alloc_offset(arena, 5 * MIB),
             c = alloc_offset(arena, 6 * MIB);
    struct shm_block whole;
    assert_ok(shm_arena_free(arena, a));
    assert_ok(shm_arena_free(arena, c));
    assert_code(shm_arena_alloc(arena, 7 * MIB, 0, &whole), SHM_ARENA_NO_MEMORY);
    assert_ok(shm_arena_free(arena, b));
    assert_ok(shm_arena_alloc(arena, 16 * MIB, 0, &whole));
}

static void the_last_block_of_a_slot_gives_the_slot_back(void **state) {
    (void)state;
    uint64_t offsets[64];
    for (int i = 0; i < 64; i++)
        offsets[i] = alloc_offset(arena, 4096);
    assert_int_equal(stats_of(arena).reserved_bytes, 4 * 64 * KIB);
    for (int i = 0; i < 64; i++)
        assert_ok(shm_arena_free(arena, offsets[i]));
    assert_true(stats_of(arena).reserved_bytes <= 64 * KIB); /* the slot in hand */
}

static void realloc_keeps_content_and_moves_only_when_it_must(void **state) {
    (void)state;
    struct shm_block b;
    assert_ok(shm_arena_alloc(arena, 3000, 0, &b));
    memset(b.address, 0x5a, 3000);
    uint64_t first = b.offset;
    assert_ok(shm_arena_realloc(arena, &b, 3200, 0));
    assert_int_equal(b.offset, first);
    for (size_t size = 3200; size < 2 * MIB; size *= 2)
        assert_ok(shm_arena_realloc(arena, &b, size, 0));
    assert_ok(shm_arena_realloc(arena, &b, 3000, 4096));
    assert_int_equal(b.offset % 4096, 0);
    for (size_t at = 0; at < 3000; at++)
        assert_int_equal(((unsigned char *)b.address)[at], 0x5a);
    struct shm_block before = b;
    assert_code(shm_arena_realloc(arena, &b, 64 * MIB, 0), SHM_ARENA_NO_MEMORY);
    assert_memory_equal(&b, &before, sizeof b);
    assert_int_equal(stats_of(arena).live_count, 1);
}

static void reset_frees_everything(void **state) {
    (void)state;
    uint64_t last = 0;
    for (int i = 0; i < 300; i++)
        last = alloc_offset(arena, 100 + (size_t)i * 97);
    assert_ok(shm_arena_reset(arena));
    assert_int_equal(stats_of(arena).live_count, 0);
    assert_code(shm_arena_free(arena, last), SHM_ARENA_NOT_A_BLOCK);
    assert_whole(arena);
}

static void statistics_add_up(void **state) {
    (void)state;
    struct shm_block b[3];
    assert_ok(shm_arena_alloc(arena, 4096, 0, &b[0]));
    assert_ok(shm_arena_alloc(arena, 64, 0, &b[1]));
    assert_ok(shm_arena_alloc(arena, 1 * MIB, 0, &b[2]));
    struct shm_arena_stats s = stats_of(arena);
    assert_int_equal(s.live_count, 3);
    assert_int_equal(s.live_bytes, 4096 + 64 + 1 * MIB);
    assert_int_equal(s.capacity_bytes, 16 * MIB);
    assert_int_equal(s.by_class[s.classes - 1].live_count, 1);
    assert_int_equal(s.reserved_bytes, 18 * 64 * KIB);
    for (int i = 0; i < 3; i++)
        assert_ok(shm_arena_free(arena, b[i].offset));
    s = stats_of(arena);
    assert_int_equal(s.allocated_count, 3);
    assert_int_equal(s.freed_count, 3);
    assert_int_equal(s.freed_bytes, s.allocated_bytes);
    assert_int_equal(s.live_bytes, 0);
    assert_int_equal(s.peak_bytes, 18 * 64 * KIB);
    assert_int_equal(s.processes, 1);
}

static void statistics_as_json_fit_any_buffer(void **state) {
    (void)state;
    char text[4096], small[10];
    alloc_offset(arena, 4096);
    size_t length = shm_arena_stats_json(arena, text, sizeof text);
    assert_int_equal(length, strlen(text));
    assert_non_null(strstr(text, "\"live_bytes\": 4096, \"live_count\": 1,"));
    assert_non_null(strstr(text, "\"by_class\": [{\"block_bytes\": 4096, \"live_count\": 1"));
    assert_int_equal(text[length - 1], '}');
    assert_int_equal(shm_arena_stats_json(arena, small, sizeof small), length);
    assert_int_equal(strlen(small), sizeof small - 1);
    assert_int_equal(shm_arena_stats_json(arena, NULL, 0), length);
}

static bool sum_blocks(void *context, const struct shm_block *b, int owner) {
    assert_true(owner > 0);
    *(uint64_t *)context += b->size;
    return true;
}

static void every_live_block_is_visited(void **state) {
    (void)state;
    uint64_t sum = 0;
    for (int i = 1; i < 50; i++)
        alloc_offset(arena, (size_t)i * 3000);
    shm_arena_each_block(arena, sum_blocks, &sum);
    assert_int_equal(sum, stats_of(arena).live_bytes);
}

static uint64_t memory_of(struct shm_arena *a) {
    struct stat status;
    assert_int_equal(fstat(shm_arena_fd(a), &status), 0);
    return (uint64_t)status.st_blocks * 512;
}

static void trim_returns_memory_to_the_system(void **state) {
    (void)state;
    struct shm_block keep, b;
    assert_ok(shm_arena_alloc(arena, 64 * KIB, 0, &keep));
    assert_ok(shm_arena_alloc(arena, 8 * MIB, 0, &b));
    memset(keep.address, 7, keep.size);
    memset(b.address, 1, b.size);
    assert_true(memory_of(arena) >= 8 * MIB);
    assert_ok(shm_arena_free(arena, b.offset));
    assert_true(shm_arena_trim(arena) >= 8 * MIB);
    assert_true(memory_of(arena) < 1 * MIB);
    assert_int_equal(((unsigned char *)keep.address)[keep.size - 1], 7);
    assert_ok(shm_arena_alloc(arena, 8 * MIB, 0, &b));
    assert_int_equal(*(unsigned char *)b.address, 0);
}

static void reuse_does_not_grow_the_pool(void **state) {
    (void)state;
    enum { LIVE = 200 };
    uint64_t offsets[LIVE] = {0}, random = 42, peak = 0;
    for (int i = 0; i < 400000; i++) {
        unsigned at = (unsigned)(next_random(&random) % LIVE);
        if (offsets[at])
            assert_ok(shm_arena_free(arena, offsets[at]));
        offsets[at] = alloc_offset(arena, 64 + next_random(&random) % 30000);
        if (i == 40000)
            peak = stats_of(arena).peak_bytes;
    }
    assert_true(stats_of(arena).peak_bytes <= peak + peak / 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_pool, close_pool)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_block_tells_where_it_is_in_all_ways),
        TEST(blocks_of_all_sizes_do_not_overlap),
        TEST(small_blocks_waste_little),
        TEST(alignment_is_kept),
        TEST(senseless_requests_are_refused),
        TEST(only_the_start_of_a_live_block_can_be_freed),
        TEST(translation_stays_inside),
        TEST(a_full_pool_refuses_and_recovers),
        TEST(space_of_one_class_serves_every_other),
        TEST(neighbouring_free_runs_become_one),
        TEST(the_last_block_of_a_slot_gives_the_slot_back),
        TEST(realloc_keeps_content_and_moves_only_when_it_must),
        TEST(reset_frees_everything),
        TEST(statistics_add_up),
        TEST(statistics_as_json_fit_any_buffer),
        TEST(every_live_block_is_visited),
        TEST(trim_returns_memory_to_the_system),
        TEST(reuse_does_not_grow_the_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
