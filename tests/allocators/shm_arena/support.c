#include "support.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct shm_arena *pool_of(size_t bytes, unsigned flags) {
    struct shm_arena_options options = SHM_ARENA_OPTIONS_INIT;
    struct shm_arena *arena = NULL;
    options.size = bytes;
    options.flags = flags;
    assert_ok(shm_arena_create(&options, &arena));
    return arena;
}

struct shm_arena *attach_again(struct shm_arena *arena) {
    struct shm_arena *other = NULL;
    assert_ok(shm_arena_attach_fd(shm_arena_fd(arena), 0, &other));
    return other;
}

uint64_t alloc_offset(struct shm_arena *arena, size_t size) {
    struct shm_block block;
    assert_ok(shm_arena_alloc(arena, size, 0, &block));
    return block.offset;
}

struct shm_arena_stats stats_of(struct shm_arena *arena) {
    struct shm_arena_stats stats;
    shm_arena_get_stats(arena, &stats);
    return stats;
}

void assert_whole(struct shm_arena *arena) {
    size_t slots = stats_of(arena).capacity_bytes / (64 * KIB), got = 0;
    uint64_t *offsets = calloc(slots + 1, sizeof *offsets);
    struct shm_block block;
    assert_non_null(offsets);
    while (got <= slots && shm_arena_alloc(arena, 64 * KIB, 0, &block) == SHM_ARENA_OK)
        offsets[got++] = block.offset;
    assert_int_equal(got, slots);
    while (got)
        assert_ok(shm_arena_free(arena, offsets[--got]));
    free(offsets);
}

int in_child(int (*body)(void *context), void *context) {
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child)
        _exit(body(context));
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

uint64_t next_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}
