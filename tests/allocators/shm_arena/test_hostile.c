/* A hostile peer writes garbage into the pool while this process works on it. Blocks may then be
 * lost or given out twice - nothing can stop a writer from that - but no call may crash, hang, or
 * lead outside of the mapping. */
#include "base/arena.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Everything between the header and the data, as far as it is in use: a peer can write all of
 * it. */
static void scribble(struct shm_arena *victim, uint64_t *random, unsigned words) {
    unsigned char *base = victim->view.base;
    struct {
        uint64_t from, bytes;
    } parts[] = {
        {PAGE_BYTES, PAGE_BYTES},
        {victim->geometry.processes, 2 * sizeof(struct process)},
        {victim->geometry.lanes, 2 * sizeof(struct process_lanes)},
        {victim->geometry.states, victim->geometry.slot_count * sizeof(uint64_t)},
        {victim->geometry.smalls, victim->geometry.slot_count * sizeof(struct small_slot)},
        {victim->geometry.maps, victim->geometry.groups * MAPS * LINE_BYTES},
        {victim->geometry.side, victim->geometry.slot_count * SIDE_BLOCKS * 2},
    };
    for (unsigned i = 0; i < words; i++) {
        unsigned part = (unsigned)(next_random(random) % 7);
        uint64_t at = parts[part].from + next_random(random) % (parts[part].bytes / 8) * 8;
        uint64_t value = next_random(random);
        switch (value >> 60 & 3) {
        case 0:
            value =
                (next_random(random) % 10) << 56 | value >> 8; /* a slot state of a valid kind */
            break;
        case 1:
            value &= UINT64_C(0x0003000300030003); /* block states */
            break;
        case 2:
            value = -(value & 1);
            break;
        }
        __atomic_store_n((uint64_t *)(base + at), value, __ATOMIC_RELAXED);
    }
}

/* Whatever is handed out must lie inside and be usable. */
static void use(struct shm_arena *arena, const struct shm_block *b) {
    if (b->offset < arena->view.first || b->size > arena->view.end - b->offset)
        abort();
    memset(shm_arena_range(arena, b->offset, b->size), 1, 64);
    ((char *)b->address)[b->size - 1] = 1;
}

static bool use_visited(void *arena, const struct shm_block *b, int owner) {
    (void)owner;
    use(arena, b);
    return true;
}

static void one_step(struct shm_arena *arena, uint64_t *random, struct shm_block *held) {
    uint64_t r = next_random(random) >> 8;
    struct shm_block *b = &held[r % 64];
    size_t size = (r >> 8) % 3 ? 1 + (r >> 12) % 40000 : 1 + (r >> 12) % (300 * KIB);
    if (b->address ? !shm_arena_realloc(arena, b, size, 0) : !shm_arena_alloc(arena, size, 0, b))
        use(arena, b);
    if (r >> 40 & 1) {
        shm_arena_free(arena, r >> 41 & 1 ? b->offset : r >> 20);
        b->address = NULL;
    }
    struct shm_block any;
    if (!shm_arena_describe(arena, b->offset, &any))
        use(arena, &any);
    shm_arena_share(arena, b->offset);
    shm_arena_take(arena, r >> 16);
}

static int work_amid_garbage(void *seed) {
    uint64_t random = *(uint64_t *)seed;
    struct shm_arena *arena = pool_of(3 * MIB, random & 1 ? SHM_ARENA_RECLAIM_BLOCKS : 0), *late;
    struct shm_block held[64];
    struct shm_arena_stats stats;
    memset(held, 0, sizeof held);
    alarm(60); /* a hang is a failure */
    for (int i = 0; i < 300; i++) {
        for (int step = 0; step < 20; step++)
            one_step(arena, &random, held);
        scribble(arena, &random, i % 10 ? 3 : 2000);
        if (i % 25 == 0) {
            shm_arena_each_block(arena, use_visited, arena);
            shm_arena_get_stats(arena, &stats);
            shm_arena_recover(arena);
            shm_arena_trim(arena);
            if (!shm_arena_attach_fd(shm_arena_fd(arena), 0, &late))
                shm_arena_detach(late);
            shm_arena_reset(arena);
        }
    }
    shm_arena_detach(arena);
    return 0;
}

static void no_garbage_makes_a_call_crash_hang_or_leave_the_mapping(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        int status = in_child(work_amid_garbage, &seed);
        if (!WIFEXITED(status) || WEXITSTATUS(status))
            fail_msg("seed %lu: status %#x", seed, status);
    }
}

static void translation_uses_no_word_that_a_peer_can_write(void **state) {
    (void)state;
    struct shm_arena *arena = pool_of(2 * MIB, 0);
    struct shm_block b;
    assert_ok(shm_arena_alloc(arena, 4096, 0, &b));
    memset(arena->view.base, 0xff, arena->view.first); /* header and all */
    assert_ptr_equal(shm_arena_address(arena, b.offset), b.address);
    assert_null(shm_arena_address(arena, arena->view.end));
    assert_null(shm_arena_range(arena, b.offset, 2 * MIB + 1));
    assert_int_equal(shm_arena_offset(arena, b.address), b.offset);
    shm_arena_detach(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(translation_uses_no_word_that_a_peer_can_write),
        cmocka_unit_test(no_garbage_makes_a_call_crash_hang_or_leave_the_mapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
