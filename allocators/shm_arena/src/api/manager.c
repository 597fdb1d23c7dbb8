#include "shm_arena.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A manager finds its pools by their names: NAME.NODE.0, NAME.NODE.1, ..., where NODE is "any" or a
 * node's number. The processes share nothing but these names; a process that needs a pool which
 * does not exist creates it. */

enum { MOST_POOLS = 256, ANY_NODE = -1 };

struct managed_pool {
    struct shm_arena *arena;
    int node;
};

struct shm_manager {
    struct shm_arena_options options;
    char *name;
    unsigned max_pools;
    bool remove_at_exit;
    _Atomic bool per_node;
    pid_t owner;             /* a forked child must not clean up for its parent */
    pthread_mutex_t growing; /* in this process; between processes, a name can be created once */
    _Atomic unsigned count;  /* only grows, so readers need no lock */
    struct managed_pool pools[MOST_POOLS];
    struct shm_manager *next; /* all managers of this process, for exit and fork */
};

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct shm_manager *all;

static char *pool_name(const struct shm_manager *m, int node, unsigned index) {
    char *name = NULL;
    int length = node == ANY_NODE ? asprintf(&name, "/%s.any.%u", m->name, index)
                                  : asprintf(&name, "/%s.%d.%u", m->name, node, index);
    return length < 0 ? NULL : name;
}

static void clean_up(void) {
    pthread_mutex_lock(&list_lock);
    for (struct shm_manager *m = all; m; m = m->next)
        if (m->remove_at_exit && m->owner == getpid())
            shm_manager_remove(m->name);
    pthread_mutex_unlock(&list_lock);
}

/* fork() takes no lock of this file. The child reinitializes the locks; the list is consistent, as
 * it changes by single stores. */
static void in_child(void) {
    pthread_mutex_init(&list_lock, NULL);
    for (struct shm_manager *m = all; m; m = m->next)
        pthread_mutex_init(&m->growing, NULL);
}

static void watch_exit_and_fork(void) {
    atexit(clean_up);
    pthread_atfork(NULL, NULL, in_child);
}

static void list_add(struct shm_manager *m) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_exit_and_fork);
    pthread_mutex_lock(&list_lock);
    m->next = all;
    all = m;
    pthread_mutex_unlock(&list_lock);
}

static void list_remove(struct shm_manager *m) {
    pthread_mutex_lock(&list_lock);
    for (struct shm_manager **link = &all; *link; link = &(*link)->next)
        if (*link == m) {
            *link = m->next;
            break;
        }
    pthread_mutex_unlock(&list_lock);
}

/* Attaches to the pool of this name, or creates it if `create`, also while other processes do the
 * same. */
static int get_or_create(struct shm_manager *m, const char *name, int node, bool create,
                         struct shm_arena **arena) {
    for (;;) {
        int error = shm_arena_attach(SHM_ARENA_SHM, name, m->options.flags, arena);
        if (error != SHM_ARENA_NOT_FOUND || !create)
            return error;
        struct shm_arena_options options = m->options;
        options.name = name;
        options.numa_node = node == ANY_NODE ? options.numa_node : node;
        error = shm_arena_create(&options, arena);
        if (error != SHM_ARENA_EXISTS)
            return error;
    }
}

/* Adds the node's next pool; the caller holds `growing`. NO_MEMORY at the limit of pools. */
static int add_pool(struct shm_manager *m, int node, bool create) {
    unsigned count = atomic_load_explicit(&m->count, memory_order_relaxed), index = 0;
    for (unsigned i = 0; i < count; i++)
        index += m->pools[i].node == node;
    if (count >= m->max_pools)
        return SHM_ARENA_NO_MEMORY;
    char *name = pool_name(m, node, index);
    struct shm_arena *arena;
    int error = name ? get_or_create(m, name, node, create, &arena) : SHM_ARENA_SYSTEM;
    free(name);
    if (error)
        return error;
    m->pools[count] = (struct managed_pool){arena, node};
    atomic_store_explicit(&m->count, count + 1, memory_order_release);
    return SHM_ARENA_OK;
}

static bool manager_name_is_valid(const char *name) {
    return name && *name && *name != '.' && !strchr(name, '/') && strlen(name) < 200;
}

int shm_manager_open(const char *name, const struct shm_arena_options *options, unsigned max_pools,
                     bool remove_at_exit, struct shm_manager **manager) {
    if (!manager_name_is_valid(name) || !options || !manager || !max_pools ||
        max_pools > MOST_POOLS)
        return SHM_ARENA_INVALID;
    struct shm_manager *m = calloc(1, sizeof *m);
    if (!m || !(m->name = strdup(name))) {
        free(m);
        return SHM_ARENA_SYSTEM;
    }
    m->options = *options;
    m->options.backend = SHM_ARENA_SHM;
    m->max_pools = max_pools;
    m->remove_at_exit = remove_at_exit;
    m->owner = getpid();
    pthread_mutex_init(&m->growing, NULL);
    int error = add_pool(m, ANY_NODE, true);
    if (error) {
        free(m->name);
        free(m);
        return error;
    }
    list_add(m);
    *manager = m;
    return SHM_ARENA_OK;
}

void shm_manager_close(struct shm_manager *m) {
    if (!m)
        return;
    list_remove(m);
    for (unsigned i = 0; i < m->count; i++)
        shm_arena_detach(m->pools[i].arena);
    if (m->remove_at_exit && m->owner == getpid())
        shm_manager_remove(m->name);
    pthread_mutex_destroy(&m->growing);
    free(m->name);
    free(m);
}

void shm_manager_per_node(struct shm_manager *m, bool enable) {
    atomic_store_explicit(&m->per_node, enable, memory_order_relaxed);
}

static int wanted_node(const struct shm_manager *m) {
    unsigned cpu, node;
    bool local = atomic_load_explicit(&m->per_node, memory_order_relaxed) && !getcpu(&cpu, &node);
    return local ? (int)node : ANY_NODE;
}

/* Tries the node's pools from the `from`-th on. NO_SPACE if one of them has room, but the system
 * has no memory for it: another pool would not help. */
static int alloc_from(struct shm_manager *m, unsigned from, int node, size_t size, size_t alignment,
                      struct shm_block *block) {
    unsigned count = atomic_load_explicit(&m->count, memory_order_acquire);
    int refusal = SHM_ARENA_NO_MEMORY;
    for (unsigned i = from; i < count; i++) {
        if (m->pools[i].node != node)
            continue;
        int error = shm_arena_alloc(m->pools[i].arena, size, alignment, block);
        if (error != SHM_ARENA_NO_MEMORY && error != SHM_ARENA_NO_SPACE)
            return error;
        if (error == SHM_ARENA_NO_SPACE)
            refusal = error;
    }
    return refusal;
}

int shm_manager_alloc(struct shm_manager *m, size_t size, size_t alignment,
                      struct shm_block *block) {
    int node = wanted_node(m), error = SHM_ARENA_NO_MEMORY;
    if (size > m->options.size)
        return error; /* no new pool would help */
    for (unsigned seen = 0; error == SHM_ARENA_NO_MEMORY;) {
        error = alloc_from(m, seen, node, size, alignment, block);
        if (error != SHM_ARENA_NO_MEMORY)
            break;
        pthread_mutex_lock(&m->growing);
        seen = atomic_load_explicit(&m->count, memory_order_relaxed);
        error =
            alloc_from(m, 0, node, size, alignment, block); /* another thread may have added one */
        int grown = error == SHM_ARENA_NO_MEMORY ? add_pool(m, node, true) : SHM_ARENA_OK;
        pthread_mutex_unlock(&m->growing);
        if (grown)
            return grown;
    }
    return error;
}

static struct shm_arena *find_pool(struct shm_manager *m, uint64_t id, unsigned from) {
    unsigned count = atomic_load_explicit(&m->count, memory_order_acquire);
    for (unsigned i = from; i < count; i++)
        if (shm_arena_id(m->pools[i].arena) == id)
            return m->pools[i].arena;
    return NULL;
}

/* Attaches to the pools that other processes have added, on all nodes, until it finds this one. */
static struct shm_arena *discover_pool(struct shm_manager *m, uint64_t id) {
    struct shm_arena *found = find_pool(m, id, 0);
    pthread_mutex_lock(&m->growing);
    for (int node = ANY_NODE; !found && node < 64; node++)
        while (!found && add_pool(m, node, false) == SHM_ARENA_OK)
            found = find_pool(m, id, m->count - 1);
    pthread_mutex_unlock(&m->growing);
    return found;
}

static struct shm_arena *get_pool(struct shm_manager *m, uint64_t id) {
    struct shm_arena *known = find_pool(m, id, 0);
    return known ? known : discover_pool(m, id);
}

int shm_manager_free(struct shm_manager *m, uint64_t arena_id, uint64_t offset) {
    struct shm_arena *arena = get_pool(m, arena_id);
    return arena ? shm_arena_free(arena, offset) : SHM_ARENA_NOT_FOUND;
}

void *shm_manager_address(struct shm_manager *m, uint64_t arena_id, uint64_t offset) {
    struct shm_arena *arena = get_pool(m, arena_id);
    return arena ? shm_arena_address(arena, offset) : NULL;
}

unsigned shm_manager_count(struct shm_manager *m) {
    return atomic_load_explicit(&m->count, memory_order_acquire);
}

struct shm_arena *shm_manager_pool(struct shm_manager *m, unsigned i) {
    return i < shm_manager_count(m) ? m->pools[i].arena : NULL;
}
