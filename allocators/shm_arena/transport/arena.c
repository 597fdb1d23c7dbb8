#include "shm_arena.h"
#include "transport.h"

#include <errno.h>

/* The backend with shm_arena: a key is an offset, translated by a comparison and an addition. */

static int as_errno(int code) {
    if (code == SHM_ARENA_OK)
        return 0;
    if (code == SHM_ARENA_SYSTEM && errno)
        return -errno;
    return code == SHM_ARENA_NO_MEMORY ? -ENOMEM : -EPROTO;
}

static int open_arena(struct transport *t, int is_target, int socket, size_t pool_bytes) {
    struct shm_arena_options options = SHM_ARENA_OPTIONS_INIT;
    struct shm_arena *arena = NULL;
    options.size = pool_bytes;
    int code = is_target ? shm_arena_options_from_environment(&options, NULL) : SHM_ARENA_OK;
    if (!code)
        code =
            is_target ? shm_arena_create(&options, &arena) : shm_arena_receive(socket, 0, &arena);
    if (!code && is_target)
        code = shm_arena_send(arena, socket);
    t->state = arena;
    return as_errno(code);
}

static int allocate(struct transport *t, size_t size, struct transport_buffer *buffer) {
    struct shm_block block;
    int code = shm_arena_alloc(t->state, size, 0, &block);
    if (!code)
        *buffer = (struct transport_buffer){block.address, block.offset, size};
    return as_errno(code);
}

static int release(struct transport *t, const struct transport_buffer *buffer) {
    return as_errno(shm_arena_free(t->state, buffer->key));
}

static void *translate(struct transport *t, uint64_t key, uint64_t offset, uint64_t length) {
    uint64_t at;
    if (__builtin_add_overflow(key, offset, &at))
        return NULL;
    return shm_arena_range(t->state, at, length);
}

static void close_arena(struct transport *t) {
    shm_arena_detach(t->state);
}

const struct transport_backend transport_arena = {"arena", open_arena, allocate,
                                                  release, translate,  close_arena};
