#include "process/handles.h"

#include "process/lane.h"
#include "process/presence.h"

#include <pthread.h>

/* A forked child shares the mapping but is another process: it must not use its parent's tag. All
 * its handles forget their tags; each joins its pool again at its first use.
 *
 * fork() takes no lock of this library and so never waits for it. The child finds the list of
 * handles consistent, as it changes by single stores, and reinitializes the lock. The forking
 * thread cannot hold the lock either: signals, whose handlers may fork, are blocked while a thread
 * holds it. */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shm_arena *_Atomic all;
static pthread_once_t once = PTHREAD_ONCE_INIT;

void handles_lock(sigset_t *before) {
    sigset_t every;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, before);
    pthread_mutex_lock(&lock);
}

void handles_unlock(const sigset_t *before) {
    pthread_mutex_unlock(&lock);
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

static void forget(struct shm_arena *a) {
    atomic_store_explicit(&a->me, 0, memory_order_relaxed);
    a->presence = NULL; /* not mapped in the child: MADV_DONTFORK */
    for (unsigned backed = 0; backed < 2; backed++)
        atomic_store_explicit(&a->swept[backed], 0, memory_order_relaxed);
    atomic_store_explicit(&a->dead_looked_at, 0, memory_order_relaxed);
    for (unsigned lane = 0; lane < LANES; lane++)
        for (unsigned class = 0; class < CLASS_COUNT; class ++)
            atomic_store_explicit(&a->lanes[lane].current[class], 0, memory_order_relaxed);
}

static void in_child(void) {
    pthread_mutex_init(&lock, NULL);
    presence_after_fork();
    for (struct shm_arena *a = atomic_load_explicit(&all, memory_order_relaxed); a;
         a = atomic_load_explicit(&a->next, memory_order_relaxed))
        forget(a);
    lane_after_fork();
}

static void watch_fork(void) {
    pthread_atfork(NULL, NULL, in_child);
}

void handles_add(struct shm_arena *a) {
    sigset_t before;
    pthread_once(&once, watch_fork);
    handles_lock(&before);
    atomic_store_explicit(&a->next, atomic_load_explicit(&all, memory_order_relaxed),
                          memory_order_relaxed);
    /* release: a child that another thread forks here sees the handle with its successor, or not */
    atomic_store_explicit(&all, a, memory_order_release);
    handles_unlock(&before);
}

void handles_remove(struct shm_arena *a) {
    sigset_t before;
    handles_lock(&before);
    struct shm_arena *_Atomic *link = &all;
    struct shm_arena *at;
    while ((at = atomic_load_explicit(link, memory_order_relaxed)) != NULL && at != a)
        link = &at->next;
    if (at) /* release: as above */
        atomic_store_explicit(link, atomic_load_explicit(&a->next, memory_order_relaxed),
                              memory_order_release);
    handles_unlock(&before);
}

void handles_visit(void (*visit)(struct shm_arena *a)) {
    sigset_t before;
    handles_lock(&before);
    for (struct shm_arena *a = atomic_load_explicit(&all, memory_order_relaxed); a;
         a = atomic_load_explicit(&a->next, memory_order_relaxed))
        visit(a);
    handles_unlock(&before);
}
