/* The simplest allocator for several processes: first fit in an ordered list of free pieces, with
 * coalescing, under one process-shared robust mutex. */
#include "contender.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

enum { GRAIN = 64 };

/* At the start of each piece; a block's address is one grain after it. */
struct piece {
    uint64_t size; /* with this header */
    uint64_t next; /* offset of the next free piece, 0 at the end */
};

struct first_fit_pool {
    pthread_mutex_t mutex;
    uint64_t first;
    uint64_t bytes;
};

static struct first_fit_pool *pool;

static struct piece *piece_at(uint64_t offset) {
    return (struct piece *)((char *)pool + offset);
}

static bool open_pool(size_t pool_bytes) {
    pthread_mutexattr_t attributes;
    pool = mmap(NULL, pool_bytes, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pool == MAP_FAILED)
        return false;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&pool->mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    pool->bytes = pool_bytes;
    pool->first = 4096;
    *piece_at(pool->first) = (struct piece){pool_bytes - 4096, 0};
    return true;
}

static void lock(void) {
    if (pthread_mutex_lock(&pool->mutex) == EOWNERDEAD)
        pthread_mutex_consistent(
            &pool->mutex); /* the list may be inconsistent: a weakness of this design */
}

static bool allocate(size_t size, struct shared_block *block) {
    uint64_t wanted = (size + 2 * GRAIN - 1) / GRAIN * GRAIN, *link = &pool->first;
    lock();
    while (*link && piece_at(*link)->size < wanted)
        link = &piece_at(*link)->next;
    uint64_t at = *link;
    if (at) {
        struct piece *found = piece_at(at);
        if (found->size >= wanted + 2 * GRAIN) { /* keep the rest */
            *piece_at(at + wanted) = (struct piece){found->size - wanted, found->next};
            found->size = wanted;
            *link = at + wanted;
        } else {
            *link = found->next;
        }
        *block = (struct shared_block){(char *)pool + at + GRAIN, at};
    }
    pthread_mutex_unlock(&pool->mutex);
    return at != 0;
}

/* Coalesces a piece with the free one after it. */
static void join(uint64_t at) {
    struct piece *here = piece_at(at);
    if (here->next && at + here->size == here->next) {
        struct piece *behind = piece_at(here->next);
        *here = (struct piece){here->size + behind->size, behind->next};
    }
}

static void release(const struct shared_block *block, size_t size) {
    (void)size;
    lock();
    uint64_t *link = &pool->first, before = 0;
    while (*link && *link < block->key) {
        before = *link;
        link = &piece_at(*link)->next;
    }
    piece_at(block->key)->next = *link;
    *link = block->key;
    join(block->key);
    if (before)
        join(before);
    pthread_mutex_unlock(&pool->mutex);
}

static void close_pool(void) {
    munmap(pool, pool->bytes);
}

static struct contender first_fit = {"first_fit", 2,          open_pool, allocate,
                                     release,     close_pool, NULL};
REGISTER_CONTENDER(first_fit);
