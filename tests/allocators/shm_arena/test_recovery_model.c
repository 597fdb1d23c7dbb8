/* A model of many processes in one: each simulated process is a coroutine with its own handle to
 * the pool, and a seeded scheduler switches between them at every atomic step of the library. Any
 * of them may be killed at any step: it is just never resumed. A shadow records what the library
 * allocates; a block that is allocated twice, lost, or not backed fails the test and prints its
 * seed. In some runs the system often has no memory for more of the file. The same seed gives the
 * same run. */
#include "base/map.h"
#include "process/handles.h"
#include "process/presence.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>

enum { ACTORS = 4, STACK_BYTES = 256 * KIB, MOST_BLOCKS = 4096 };

void (*shm_crash_point)(void);
bool (*shm_no_space)(void);

struct actor {
    ucontext_t context;
    struct shm_arena *arena;
    char *stack;
    bool busy; /* inside an operation */
};

/* A block that the application knows of. */
struct known {
    uint64_t offset, size;
    int owner; /* actor; -1: shared */
};

static struct {
    struct shm_arena *root;
    struct actor actors[ACTORS];
    struct known known[MOST_BLOCKS];
    unsigned known_count;
    uint64_t limbo[MOST_BLOCKS]; /* blocks that a killed actor was about to free or share */
    unsigned limbo_count;
    uint64_t random;
    ucontext_t scheduler;
    int current;
    uint64_t in_flight[ACTORS]; /* offset that the actor has taken out of the shadow and works on */
    unsigned long deaths, refused, without_space, operations;
} model;

static uint64_t roll(uint64_t sides) {
    return next_random(&model.random) % sides;
}

/* The crash point: back to the scheduler, which may never come back here. */
static void switch_away(void) {
    if (model.current >= 0)
        swapcontext(&model.actors[model.current].context, &model.scheduler);
}

/* Phases in which the system has memory alternate with phases in which it often has none. */
static bool often_no_space(void) {
    return model.current >= 0 && (model.operations >> 6 & 1) && roll(4);
}

/* Every slot of a block must have been noted as backed. */
static void assert_backed(struct shm_arena *arena, const struct shm_block *block) {
    uint64_t first = (block->offset - arena->view.first) >> SLOT_SHIFT,
             last = (block->offset + block->size - 1 - arena->view.first) >> SLOT_SHIFT;
    for (uint64_t slot = first; slot <= last; slot++)
        if (!map_has(arena, DATA_BACKED_MAP, slot))
            fail_msg("block %lu+%zu lies in slot %lu, which is not backed", block->offset,
                     block->size, slot);
}

static void shadow_add(uint64_t offset, uint64_t size, int owner) {
    for (unsigned i = 0; i < model.known_count; i++) {
        struct known *k = &model.known[i];
        if (offset < k->offset + k->size && k->offset < offset + size)
            fail_msg("block %lu+%lu of actor %d overlaps %lu+%lu of actor %d", offset, size, owner,
                     k->offset, k->size, k->owner);
    }
    assert_true(model.known_count < MOST_BLOCKS);
    model.known[model.known_count++] = (struct known){offset, size, owner};
}

static struct known shadow_take(unsigned i) {
    struct known k = model.known[i];
    model.known[i] = model.known[--model.known_count];
    return k;
}

/* A block that this actor may free: its own or a shared one, as applications hand blocks over
 * before others free them. */
static bool pick_block(int actor, struct known *picked) {
    for (unsigned tries = 0; tries < 8 && model.known_count; tries++) {
        unsigned i = (unsigned)roll(model.known_count);
        if (model.known[i].owner != actor && model.known[i].owner != -1)
            continue;
        *picked = shadow_take(i);
        model.in_flight[actor] = picked->offset;
        return true;
    }
    return false;
}

static size_t random_size(void) {
    static const size_t sizes[] = {2048,  4096,  9000,  16384,  30000,
                                   32768, 60000, 65536, 100000, 200000};
    return sizes[roll(sizeof sizes / sizeof *sizes)];
}

static void do_alloc(int actor) {
    struct shm_block block;
    int error =
        shm_arena_alloc(model.actors[actor].arena, random_size(), roll(8) ? 0 : 128 * KIB, &block);
    if (error) {
        assert_true(error == SHM_ARENA_NO_MEMORY || error == SHM_ARENA_BUSY ||
                    error == SHM_ARENA_NO_SPACE);
        model.refused++;
        model.without_space += error == SHM_ARENA_NO_SPACE;
        return;
    }
    assert_backed(model.actors[actor].arena, &block);
    shadow_add(block.offset, block.size, actor);
}

static void do_free(int actor) {
    struct known k;
    if (!pick_block(actor, &k))
        return;
    assert_ok(shm_arena_free(model.actors[actor].arena, k.offset));
    model.in_flight[actor] = 0;
}

static void do_share(int actor) {
    struct known k;
    if (!pick_block(actor, &k))
        return;
    bool share = roll(2);
    assert_ok((share ? shm_arena_share : shm_arena_take)(model.actors[actor].arena, k.offset));
    model.in_flight[actor] = 0;
    shadow_add(k.offset, k.size, share ? -1 : actor);
}

static void act(int actor) {
    unsigned what = (unsigned)roll(100);
    if (what < 50)
        do_alloc(actor);
    else if (what < 88)
        do_free(actor);
    else if (what < 96)
        do_share(actor);
    else if (what < 99)
        shm_arena_recover(model.actors[actor].arena);
    else if (!roll(shm_no_space ? 1 : 20)) /* it is slow; but what is not trimmed stays backed */
        shm_arena_trim(model.actors[actor].arena);
    model.operations++;
}

static void actor_main(int actor) {
    for (;;) {
        model.actors[actor].busy = true;
        act(actor);
        model.actors[actor].busy = false;
        switch_away();
    }
}

static void resume(int actor) {
    model.current = actor;
    swapcontext(&model.scheduler, &model.actors[actor].context);
    model.current = -1;
}

/* The process table has room for few more than live: a new process often takes the entry of a dead
 * one, and must wait while that one is being recovered. */
static struct shm_arena *attach_amid_deaths(int actor) {
    struct shm_arena *arena;
    int error;
    while ((error = shm_arena_attach_fd(shm_arena_fd(model.root), 0, &arena)) != SHM_ARENA_OK) {
        assert_true(error == SHM_ARENA_TOO_MANY_PROCESSES || error == SHM_ARENA_SYSTEM);
        int other = (int)roll(ACTORS);
        if (other != actor && model.actors[other].arena)
            resume(other);
    }
    return arena;
}

static void actor_start(int actor) {
    struct actor *a = &model.actors[actor];
    a->arena = NULL;
    a->arena = attach_amid_deaths(actor);
    if (!a->stack)
        a->stack = malloc(STACK_BYTES);
    assert_non_null(a->stack);
    a->busy = false;
    getcontext(&a->context);
    a->context.uc_stack = (stack_t){.ss_sp = a->stack, .ss_size = STACK_BYTES};
    a->context.uc_link = NULL;
    makecontext(&a->context, (void (*)(void))actor_main, 1, actor);
}

/* Removes the handle without changing the pool, except that its entry becomes that of a dead
 * process. */
static void actor_kill(int actor) {
    struct actor *a = &model.actors[actor];
    unsigned tag = a->arena->me;
    atomic_store(&a->arena->processes[tag - TAG_FIRST].identity,
                 process_word(PROCESS_LIVE, 0, 0, 1));
    handles_remove(a->arena);
    presence_drop(a->arena);
    munmap(a->arena->view.base, a->arena->map_bytes);
    close(a->arena->fd);
    free(a->arena->name);
    free(a->arena);
    for (unsigned i = 0; i < model.known_count;)
        if (model.known[i].owner == actor)
            shadow_take(i);
        else
            i++;
    if (model.in_flight[actor] && model.limbo_count < MOST_BLOCKS)
        model.limbo[model.limbo_count++] = model.in_flight[actor];
    model.in_flight[actor] = 0;
    model.deaths++;
    a->arena = NULL;
    a->busy = false;
}

static bool audit_block(void *context, const struct shm_block *block, int owner) {
    (void)context;
    (void)owner;
    for (unsigned i = 0; i < model.known_count; i++)
        if (model.known[i].offset == block->offset) {
            assert_true(block->size >= model.known[i].size);
            model.known[i].size |= UINT64_C(1) << 63; /* seen */
            return true;
        }
    fail_msg("block %lu+%zu is allocated, but no process has it", block->offset, block->size);
    return false;
}

/* The file must have at least the memory of the slots that are noted as backed. */
static void audit_backing(void) {
    struct shm_arena *a = model.root;
    struct stat status;
    uint64_t backed = 0;
    for (uint64_t slot = 0; slot < a->geometry.slot_count; slot++)
        backed += map_has(a, DATA_BACKED_MAP, slot);
    assert_int_equal(fstat(a->fd, &status), 0);
    assert_true((uint64_t)status.st_blocks * 512 >= backed * SLOT_BYTES + a->geometry.lanes);
}

/* With every actor between two operations and dead processes recovered, the pool must hold exactly
 * the blocks of the shadow. */
static void audit(void) {
    audit_backing();
    for (int actor = 0; actor < ACTORS; actor++)
        while (model.actors[actor].busy)
            resume(actor);
    while (shm_arena_recover(model.root))
        ;
    for (unsigned i = 0; i < model.limbo_count; i++) {
        bool owned = false;
        for (unsigned j = 0; j < model.known_count; j++)
            owned |= model.known[j].offset == model.limbo[i];
        if (!owned)
            shm_arena_free(model.root,
                           model.limbo[i]); /* fails if the dead actor had completed it */
    }
    model.limbo_count = 0;
    shm_arena_each_block(model.root, audit_block, NULL);
    for (unsigned i = 0; i < model.known_count; i++) {
        if (!(model.known[i].size >> 63))
            fail_msg("block %lu of actor %d is not allocated any more", model.known[i].offset,
                     model.known[i].owner);
        model.known[i].size &= ~(UINT64_C(1) << 63);
    }
}

static struct shm_arena *root_pool(size_t bytes) {
    struct shm_arena_options o = SHM_ARENA_OPTIONS_INIT;
    struct shm_arena *arena = NULL;
    o.size = bytes;
    o.flags = SHM_ARENA_RECLAIM_BLOCKS;
    o.max_processes = ACTORS + 1;
    assert_ok(shm_arena_create(&o, &arena));
    return arena;
}

static void run_model(uint64_t seed, size_t pool_bytes, unsigned long steps,
                      bool (*no_space)(void)) {
    memset(&model, 0, sizeof model);
    model.random = seed;
    model.current = -1;
    model.root = root_pool(pool_bytes);
    shm_crash_point = switch_away;
    shm_no_space = no_space;
    for (int actor = 0; actor < ACTORS; actor++)
        actor_start(actor);
    for (unsigned long step = 1; step <= steps; step++) {
        int actor = (int)roll(ACTORS), victim = (int)roll(400 * ACTORS);
        if (model.actors[actor].arena)
            resume(actor);
        else if (!roll(50)) /* so that others can find the dead process */
            actor_start(actor);
        if (victim < ACTORS && model.actors[victim].arena)
            actor_kill(victim);
        if (step % 1000 == 0)
            audit();
    }
    shm_no_space = NULL;
    for (int actor = 0; actor < ACTORS; actor++) /* kill all: only shared blocks may remain */
        if (model.actors[actor].arena)
            actor_kill(actor);
    audit();
    while (model.known_count)
        assert_ok(shm_arena_free(model.root, shadow_take(0).offset));
    assert_int_equal(stats_of(model.root).live_count, 0);
    assert_whole(model.root);
    print_message("seed %lu: %lu operations, %lu deaths, %lu refusals, %lu of them by the system\n",
                  seed, model.operations, model.deaths, model.refused, model.without_space);
    assert_true(!no_space || model.without_space > steps / 3000);
    assert_true(model.deaths > steps / 1000 && model.operations > steps / 200);
    for (int actor = 0; actor < ACTORS; actor++)
        free(model.actors[actor].stack);
    shm_crash_point = NULL;
    shm_arena_detach(model.root);
}

static unsigned long steps_wanted(void) {
    const char *text = getenv("SHM_MODEL_STEPS");
    return text ? strtoul(text, NULL, 10) : 150000;
}

static void blocks_are_neither_lost_nor_given_twice_in_a_tight_pool(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++)
        run_model(seed, 8 * 64 * KIB, steps_wanted(), NULL);
}

static void blocks_are_neither_lost_nor_given_twice_in_a_roomy_pool(void **state) {
    (void)state;
    for (uint64_t seed = 101; seed <= 104; seed++)
        run_model(seed, 4 * MIB, steps_wanted(), NULL);
}

static void blocks_are_backed_and_not_lost_where_the_system_often_has_no_room(void **state) {
    (void)state;
    for (uint64_t seed = 201; seed <= 206; seed++)
        run_model(seed, (seed % 2 ? 8 : 24) * 64 * KIB, steps_wanted(), often_no_space);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_backed_and_not_lost_where_the_system_often_has_no_room),
        cmocka_unit_test(blocks_are_neither_lost_nor_given_twice_in_a_tight_pool),
        cmocka_unit_test(blocks_are_neither_lost_nor_given_twice_in_a_roomy_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
