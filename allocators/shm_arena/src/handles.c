#include "arena.h"

/* A forked child shares the mapping but is another process: it must not act under its parent's tag.
 * All its handles forget who they are; each joins its pool anew at its first use. */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shm_arena *all;
static pthread_once_t once = PTHREAD_ONCE_INIT;

void handles_lock(void) {
    pthread_mutex_lock(&lock);
}

void handles_unlock(void) {
    pthread_mutex_unlock(&lock);
}

static void forget(struct shm_arena *a) {
    atomic_store_explicit(&a->me, 0, memory_order_relaxed);
    for (unsigned backed = 0; backed < 2; backed++)
        atomic_store_explicit(&a->searched[backed], 0, memory_order_relaxed);
    atomic_store_explicit(&a->looked, 0, memory_order_relaxed);
    for (unsigned lane = 0; lane < LANES; lane++)
        for (unsigned class = 0; class < CLASS_COUNT; class ++)
            atomic_store_explicit(&a->lanes[lane].current[class], 0, memory_order_relaxed);
}

static void in_child(void) {
    for (struct shm_arena *a = all; a; a = a->next)
        forget(a);
    lane_after_fork();
    pthread_mutex_unlock(&lock);
}

static void watch_fork(void) {
    pthread_atfork(handles_lock, handles_unlock, in_child);
}

void handles_add(struct shm_arena *a) {
    pthread_once(&once, watch_fork);
    handles_lock();
    a->next = all;
    if (all)
        all->previous = a;
    all = a;
    handles_unlock();
}

void handles_remove(struct shm_arena *a) {
    handles_lock();
    if (a->next)
        a->next->previous = a->previous;
    if (a->previous)
        a->previous->next = a->next;
    else
        all = a->next;
    handles_unlock();
}

/* At exit reserves go back at once; the process's entry is settled by whoever finds it dead.
 * Threads that still run are not disturbed. */
__attribute__((destructor)) static void at_exit(void) {
    handles_lock();
    for (struct shm_arena *a = all; a; a = a->next) {
        unsigned me = atomic_load_explicit(&a->me, memory_order_relaxed);
        if (me)
            pool_return_reserves(a, me);
    }
    handles_unlock();
}
