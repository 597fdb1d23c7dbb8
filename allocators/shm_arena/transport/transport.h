/* A small transfer engine for two processes on one machine: the target registers buffers, the
 * initiator reads and writes them in batches. The interface is the same for both ways of getting
 * shared memory:
 *
 *     per-allocation   each buffer is a shared-memory object of its own: shm_open, ftruncate, mmap;
 * the peer opens it by name at its first transfer, and finds it again by looking through what it
 * has opened arena            all buffers are blocks of one shm_arena pool, whose descriptor the
 * hand-shake passes
 *
 * Errors are negative errno values. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct transport;

/* A buffer that the peer can reach. */
struct transport_buffer {
    void *address; /* in this process */
    uint64_t key;  /* what the peer calls it */
    uint64_t size;
};

enum transport_op { TRANSPORT_READ, TRANSPORT_WRITE };

/* Copies `length` bytes between local memory and a peer's buffer, `offset` bytes into it. */
struct transport_request {
    enum transport_op op;
    void *local;
    uint64_t key, offset, length;
};

struct transport_backend {
    const char *name;
    /* Both sides of the hand-shake over a connected Unix socket; the target provides the memory. */
    int (*open)(struct transport *t, int is_target, int socket, size_t pool_bytes);
    int (*allocate)(struct transport *t, size_t size, struct transport_buffer *buffer);
    int (*release)(struct transport *t, const struct transport_buffer *buffer);
    /* Where `length` bytes at `offset` of a peer's buffer are in this process, or NULL. */
    void *(*translate)(struct transport *t, uint64_t key, uint64_t offset, uint64_t length);
    void (*close)(struct transport *t);
};

extern const struct transport_backend transport_arena, transport_per_allocation;

struct transport {
    const struct transport_backend *backend;
    void *state; /* the backend's */
};

/* The backend of that name; with NULL, the arena unless SHM_ARENA_DISABLE is set to 1. NULL when
 * unknown. */
const struct transport_backend *transport_find(const char *name);

int transport_open(struct transport *t, const struct transport_backend *backend, int is_target,
                   int socket, size_t pool_bytes);
void transport_close(struct transport *t);

/* Makes a buffer and registers it: from now on the peer can transfer to and from it. */
int transport_allocate(struct transport *t, size_t size, struct transport_buffer *buffer);
int transport_release(struct transport *t, const struct transport_buffer *buffer);

/* Carries out a batch in order. Returns 0, or -EFAULT at the first request that leads outside of
 * the peer's buffers. */
int transport_transfer(struct transport *t, const struct transport_request *requests,
                       unsigned count);

/* Whole messages over the socket, for the applications' own talk. */
int transport_send(int socket, const void *data, size_t size);
int transport_receive(int socket, void *data, size_t size);
