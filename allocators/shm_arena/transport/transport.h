/* A small transfer engine for two processes on one machine: the target registers buffers, the
 * initiator reads and writes them in batches. Both backends have the same interface:
 *
 *     per-allocation   each buffer is a shared memory object of its own (shm_open, ftruncate,
 *                      mmap); the peer opens it by name at its first transfer, and later
 *                      searches the list of opened objects
 *     arena            all buffers are blocks of one shm_arena pool, whose descriptor is passed in
 *                      the handshake
 *
 * Errors are negative errno values. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct transport;

/* A buffer that the peer can reach. */
struct transport_buffer {
    void *address; /* in this process */
    uint64_t key;  /* identifies it to the peer */
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
    /* Both sides of the handshake over a connected Unix socket; the target provides the memory. */
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

/* The backend of that name; with NULL, the arena unless SHM_ARENA_DISABLE is set to 1. NULL if
 * there is none. */
const struct transport_backend *transport_find(const char *name);

int transport_open(struct transport *t, const struct transport_backend *backend, int is_target,
                   int socket, size_t pool_bytes);
void transport_close(struct transport *t);

/* Allocates a buffer and registers it: the peer can then transfer to and from it. */
int transport_allocate(struct transport *t, size_t size, struct transport_buffer *buffer);
int transport_release(struct transport *t, const struct transport_buffer *buffer);

/* Executes a batch in order. Returns 0, or -EFAULT at the first request outside of the peer's
 * buffers. */
int transport_transfer(struct transport *t, const struct transport_request *requests,
                       unsigned count);

/* Whole messages over the socket, for the applications. */
int transport_send(int socket, const void *data, size_t size);
int transport_receive(int socket, void *data, size_t size);
