/* Every single place where a process can be killed: a child does one operation and kills itself at
 * its n-th atomic step, for n = 1, 2, ... until it gets through. After each death the parent
 * recovers, and the pool must be whole. */
#include "base/map.h"
#include "support.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

void (*shm_crash_point)(void);
bool (*shm_no_space)(void);

static long steps_left;

static void step(void) {
    if (--steps_left == 0)
        kill(getpid(), SIGKILL);
}

/* An operation under test. `prepare` runs in the parent and leaves what `act` needs in
 * `offsets`. */
struct scenario {
    size_t slots; /* size of the pool */
    void (*prepare)(void);
    void (*act)(void);
};

static struct shm_arena *arena;
static uint64_t offsets[128];
static const struct scenario *scenario;

static int act_and_die(void *step_number) {
    shm_arena_recover(arena); /* joins the pool before steps are counted */
    steps_left = *(long *)step_number;
    shm_crash_point = step;
    scenario->act();
    return 0;
}

/* A block that the parent holds across the death; it must survive it untouched. */
static uint64_t witness;

/* Whether the child died at this step, rather than getting through. */
static bool dies_at(long step_number) {
    arena = pool_of(scenario->slots * 64 * KIB, SHM_ARENA_RECLAIM_BLOCKS);
    witness = alloc_offset(arena, 32768);
    *(uint64_t *)shm_arena_address(arena, witness) = witness;
    if (scenario->prepare)
        scenario->prepare();
    int status = in_child(act_and_die, &step_number);
    assert_true(WIFEXITED(status) || WTERMSIG(status) == SIGKILL);
    while (shm_arena_recover(arena))
        ;
    assert_int_equal(*(uint64_t *)shm_arena_address(arena, witness), witness);
    assert_ok(shm_arena_free(arena, witness));
    for (unsigned i = 0; i < 128; i++)
        if (offsets[i])
            shm_arena_free(arena, offsets[i]); /* refused where the child had freed it */
    assert_int_equal(stats_of(arena).live_count, 0);
    assert_int_equal(stats_of(arena).processes, 1);
    assert_whole(arena);
    shm_arena_detach(arena);
    for (unsigned i = 0; i < 128; i++)
        offsets[i] = 0;
    return WIFSIGNALED(status);
}

static void die_everywhere(const struct scenario *s) {
    long n = 1;
    scenario = s;
    while (dies_at(n))
        n++;
    print_message("    died at each of %ld steps\n", n - 1);
    assert_true(n > 2);
}

static void hold(unsigned count, size_t size) {
    for (unsigned i = 0; i < count; i++)
        offsets[i] = alloc_offset(arena, size);
}

static void hold_two_16k(void) {
    hold(2, 16384);
}
static void hold_three_32k(void) {
    hold(3, 32768);
}
static void hold_run(void) {
    hold(1, 5 * 64 * KIB);
}
static void hold_nine_8k(void) {
    hold(9, 8192);
}

static void act_alloc_first(void) {
    alloc_offset(arena, 16384);
}
static void act_alloc_over_a_slot(void) {
    for (int i = 0; i < 9; i++)
        alloc_offset(arena, 16384);
}
static void act_free_first(void) {
    shm_arena_free(arena, offsets[0]);
}
static void act_free_both(void) {
    shm_arena_free(arena, offsets[0]);
    shm_arena_free(arena, offsets[1]);
}
static void act_free_nine(void) {
    for (int i = 0; i < 9; i++)
        shm_arena_free(arena, offsets[i]);
}
static void act_alloc_run(void) {
    alloc_offset(arena, 5 * 64 * KIB);
}
static void act_alloc_aligned_run(void) {
    struct shm_block b;
    assert_ok(shm_arena_alloc(arena, 3 * 64 * KIB, 512 * KIB, &b));
}
static void act_alloc_and_free_run(void) {
    assert_ok(shm_arena_free(arena, alloc_offset(arena, 4 * 64 * KIB)));
}
static void act_fill(void) {
    struct shm_block b;
    while (!shm_arena_alloc(arena, 65536, 0, &b))
        ;
    while (!shm_arena_alloc(arena, 16384, 0, &b))
        ;
}
static void act_share_and_take(void) {
    shm_arena_share(arena, offsets[0]);
    shm_arena_take(arena, offsets[0]);
}
static void act_realloc(void) {
    struct shm_block b;
    assert_ok(shm_arena_describe(arena, offsets[0], &b));
    assert_ok(shm_arena_realloc(arena, &b, 200 * KIB, 0));
    assert_ok(shm_arena_realloc(arena, &b, 3000, 0));
    assert_ok(shm_arena_free(arena, b.offset));
}
static void act_trim(void) {
    shm_arena_free(arena, offsets[0]);
    shm_arena_trim(arena);
}
static void act_detach(void) {
    alloc_offset(arena, 16384);
    alloc_offset(arena, 100000);
    act_free_first();
    shm_arena_detach(arena);
}

/* The system refuses each of the first requests for more of the file once. */
static unsigned requests, refused_request;
static bool refuse_one(void) {
    return ++requests == refused_request;
}
static void act_without_room(void) {
    struct shm_block b;
    for (refused_request = 1; refused_request < 6; refused_request++) {
        requests = 0;
        shm_no_space = refuse_one;
        shm_arena_alloc(arena, 3 * 64 * KIB, 0, &b);
        shm_arena_alloc(arena, 1000, 0, &b); /* with block states kept aside */
        shm_arena_alloc(arena, 30000, 0, &b);
    }
    shm_no_space = NULL;
}
static void act_trim_and_reuse(void) {
    shm_arena_free(arena, offsets[0]);
    shm_arena_trim(arena);
    alloc_offset(arena, 3 * 64 * KIB);
    alloc_offset(arena, 1000);
}

/* A grandchild dies in the middle of something; the child dies while recovering it. */
static int act_half(void *at) {
    steps_left = *(long *)at;
    shm_crash_point = step;
    act_fill();
    return 0;
}
static void leave_a_dead_process(void) {
    long at = 45;
    hold(2, 16384);
    assert_true(WIFSIGNALED(in_child(act_half, &at)));
}
static void act_recover(void) {
    shm_arena_recover(arena);
}

#define SCENARIO(name, slots, prepare, act)                                                        \
    static void killed_while_##name(void **state) {                                                \
        (void)state;                                                                               \
        die_everywhere(&(struct scenario){slots, prepare, act});                                   \
    }
SCENARIO(opening_a_slot, 8, NULL, act_alloc_first)
SCENARIO(moving_on_to_further_slots, 8, hold_three_32k, act_alloc_over_a_slot)
SCENARIO(freeing, 8, hold_two_16k, act_free_first)
SCENARIO(emptying_a_slot, 8, hold_two_16k, act_free_both)
SCENARIO(emptying_slots_that_nobody_holds, 8, hold_nine_8k, act_free_nine)
SCENARIO(taking_a_run, 8, NULL, act_alloc_run)
SCENARIO(taking_an_aligned_run, 20, hold_two_16k, act_alloc_aligned_run)
SCENARIO(giving_a_run_back, 8, hold_run, act_free_first)
SCENARIO(taking_and_giving_back_a_run, 8, NULL, act_alloc_and_free_run)
SCENARIO(filling_the_pool, 5, hold_two_16k, act_fill)
SCENARIO(changing_owners, 8, hold_run, act_share_and_take)
SCENARIO(reallocating, 8, hold_two_16k, act_realloc)
SCENARIO(trimming, 8, hold_run, act_trim)
SCENARIO(allocating_without_room, 16, hold_run, act_without_room)
SCENARIO(backing_again_what_was_trimmed, 10, hold_run, act_trim_and_reuse)
SCENARIO(recovering_a_dead_process, 5, leave_a_dead_process, act_recover)

/* A process that has in mind to allocate from a slot goes on doing so while the slot, which was
 * retired, trimmed and then opened by a process that died over it, is recovered by another: at any
 * step of the recovery, what it gets must be backed. */
static struct shm_arena *other;
static long recovery_steps_left;
static bool got_unbacked;

static void allocate_amid_recovery(void) {
    struct shm_block b;
    if (--recovery_steps_left != 0)
        return;
    shm_crash_point = NULL;
    if (shm_arena_alloc(other, 16384, 0, &b))
        return;
    got_unbacked |= !map_has(other, DATA_BACKED_MAP, (b.offset - other->view.first) >> SLOT_SHIFT);
    shm_arena_free(other, b.offset);
}

/* Whether the recovery has that many steps. */
static bool recovers_soundly(long death, long recovery_step) {
    struct shm_block b;
    arena = pool_of(64 * KIB, 0);
    other = attach_again(arena);
    uint64_t offset = alloc_offset(other, 16384); /* the other's slot from now on */
    assert_ok(shm_arena_free(arena, offset));
    assert_ok(shm_arena_alloc(arena, 64 * KIB, 0, &b)); /* takes even that slot */
    assert_ok(shm_arena_free(arena, b.offset));
    assert_int_equal(shm_arena_trim(arena), 64 * KIB);
    scenario = &(struct scenario){1, NULL, act_alloc_first};
    in_child(act_and_die, &death);
    recovery_steps_left = recovery_step;
    shm_crash_point = allocate_amid_recovery;
    while (shm_arena_recover(arena))
        ;
    shm_crash_point = NULL;
    shm_arena_detach(other);
    shm_arena_detach(arena);
    return recovery_steps_left <= 0;
}

static void a_slot_is_recovered_with_its_backing(void **state) {
    (void)state;
    for (long death = 1; death < 24; death++)
        for (long step = 1; recovers_soundly(death, step); step++)
            if (got_unbacked)
                fail_msg("death at step %ld, recovery at step %ld", death, step);
}

/* Blocks of a process that detaches stay: they are counted here, not reclaimed. */
static void killed_while_detaching(void **state) {
    (void)state;
    for (long n = 1, died = 1; died; n++) {
        arena = pool_of(8 * 64 * KIB, SHM_ARENA_RECLAIM_BLOCKS);
        hold(2, 16384);
        scenario = &(struct scenario){8, NULL, act_detach};
        died = WIFSIGNALED(in_child(act_and_die, &n));
        while (shm_arena_recover(arena))
            ;
        assert_true(stats_of(arena).live_count <= 4);
        assert_int_equal(stats_of(arena).processes, 1);
        assert_ok(shm_arena_reset(arena));
        assert_whole(arena);
        shm_arena_detach(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_while_opening_a_slot),
        cmocka_unit_test(killed_while_moving_on_to_further_slots),
        cmocka_unit_test(killed_while_freeing),
        cmocka_unit_test(killed_while_emptying_a_slot),
        cmocka_unit_test(killed_while_emptying_slots_that_nobody_holds),
        cmocka_unit_test(killed_while_taking_a_run),
        cmocka_unit_test(killed_while_taking_an_aligned_run),
        cmocka_unit_test(killed_while_giving_a_run_back),
        cmocka_unit_test(killed_while_taking_and_giving_back_a_run),
        cmocka_unit_test(killed_while_filling_the_pool),
        cmocka_unit_test(killed_while_changing_owners),
        cmocka_unit_test(killed_while_reallocating),
        cmocka_unit_test(killed_while_trimming),
        cmocka_unit_test(killed_while_allocating_without_room),
        cmocka_unit_test(killed_while_backing_again_what_was_trimmed),
        cmocka_unit_test(killed_while_recovering_a_dead_process),
        cmocka_unit_test(a_slot_is_recovered_with_its_backing),
        cmocka_unit_test(killed_while_detaching),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
