#include "transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

const struct transport_backend *transport_find(const char *name) {
    const char *disabled = secure_getenv("SHM_ARENA_DISABLE");
    if (!name)
        return disabled && !strcmp(disabled, "1") ? &transport_per_allocation : &transport_arena;
    if (!strcmp(name, transport_arena.name))
        return &transport_arena;
    return strcmp(name, transport_per_allocation.name) ? NULL : &transport_per_allocation;
}

int transport_open(struct transport *t, const struct transport_backend *backend, int is_target,
                   int socket, size_t pool_bytes) {
    *t = (struct transport){.backend = backend};
    return backend->open(t, is_target, socket, pool_bytes);
}

void transport_close(struct transport *t) {
    t->backend->close(t);
}

int transport_allocate(struct transport *t, size_t size, struct transport_buffer *buffer) {
    return t->backend->allocate(t, size, buffer);
}

int transport_release(struct transport *t, const struct transport_buffer *buffer) {
    return t->backend->release(t, buffer);
}

int transport_transfer(struct transport *t, const struct transport_request *requests,
                       unsigned count) {
    for (const struct transport_request *r = requests; r < requests + count; r++) {
        void *remote = t->backend->translate(t, r->key, r->offset, r->length);
        if (!remote)
            return -EFAULT;
        if (r->op == TRANSPORT_READ)
            memcpy(r->local, remote, r->length);
        else
            memcpy(remote, r->local, r->length);
    }
    return 0;
}

int transport_send(int socket, const void *data, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t n = send(socket, (const char *)data + done, size - done, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return -errno;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int transport_receive(int socket, void *data, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t n = recv(socket, (char *)data + done, size - done, MSG_WAITALL);
        if (!n)
            return -EPIPE;
        if (n < 0 && errno != EINTR)
            return -errno;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}
