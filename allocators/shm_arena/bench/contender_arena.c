/* Blocks of one shm_arena pool, which get their memory when they are allocated, or with overcommit,
 * like segments, when they are touched. */
#include "contender.h"
#include "shm_arena.h"

static struct shm_arena *arena;

static bool open_with(size_t pool_bytes, unsigned flags) {
    struct shm_arena_options options = SHM_ARENA_OPTIONS_INIT;
    options.size = pool_bytes;
    options.flags = flags;
    return shm_arena_create(&options, &arena) == SHM_ARENA_OK;
}

static bool open_pool(size_t pool_bytes) {
    return open_with(pool_bytes, 0);
}

static bool open_overcommitted(size_t pool_bytes) {
    return open_with(pool_bytes, SHM_ARENA_OVERCOMMIT);
}

static bool allocate(size_t size, struct shared_block *block) {
    struct shm_block b;
    if (shm_arena_alloc(arena, size, 0, &b))
        return false;
    *block = (struct shared_block){b.address, b.offset};
    return true;
}

static void release(const struct shared_block *block, size_t size) {
    (void)size;
    shm_arena_free(arena, block->key);
}

static void close_pool(void) {
    shm_arena_detach(arena);
}

static struct contender arena_contender = {"arena", 1,          open_pool, allocate,
                                           release, close_pool, NULL};
REGISTER_CONTENDER(arena_contender);

static struct contender overcommit_contender = {
    "overcommit", 2, open_overcommitted, allocate, release, close_pool, NULL};
REGISTER_CONTENDER(overcommit_contender);
