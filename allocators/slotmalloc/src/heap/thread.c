#include "heap/thread.h"

#include <pthread.h>
#include <stdlib.h>

#include "api/check.h"
#include "api/fork.h"
#include "api/stats.h"
#include "base/classes.h"
#include "base/file.h"
#include "base/kernel.h"
#include "base/lock.h"
#include "base/options.h"
#include "heap/cpu.h"
#include "heap/park.h"
#include "memory/arena.h"
#include "memory/purge.h"
#include "memory/region.h"
#include "memory/superslab.h"
#include "memory/trace.h"

struct heap thread_no_heap;
_Thread_local struct heap *thread_heap = &thread_no_heap;

/* The heap that the thread has, also in the checking mode. */
static _Thread_local struct heap *own_heap __attribute__((tls_model("initial-exec")));

/* Set by the key's destructor: what the thread still allocates or frees must not need a second one.
 */
static _Thread_local bool thread_ending __attribute__((tls_model("initial-exec")));

_Thread_local uint32_t thread_depth;

static struct lock init_lock;
static _Atomic bool initialised;
static pthread_key_t key;
static _Atomic bool key_usable; /* `key` is there */

void thread_heap_leave(void) {
    thread_heap = &thread_no_heap;
    own_heap = NULL;
}

/* The thread's end. */
static void park_own_heap(void *unused) {
    (void)unused;
    thread_enter();
    struct heap *heap = own_heap;
    thread_ending = true;
    thread_heap_leave();
    if (heap != NULL)
        park_give(heap);
    thread_leave();
}

static bool init_locked(void) {
    file_init();
    options_init();
    trace_init();
    classes_init();
    if (arena_init() != OK)
        return false;
    region_init();
    cpu_init();
    purge_now_s = kernel_seconds();
    /* release: pairs with the acquire in library_is_initialised */
    atomic_store_explicit(&initialised, true, memory_order_release);
    return true;
}

static void dump_counters(void) {
    thread_enter();
    stats_dump();
    thread_leave();
}

/* What may call malloc itself, when malloc already works. */
static void init_hooks(void) {
    bool made = pthread_key_create(&key, park_own_heap) == 0;
    /* release: pairs with the acquire in watch_end, which then reads the key */
    atomic_store_explicit(&key_usable, made, memory_order_release);
    fork_init();
    if (stats_init())
        (void)atexit(dump_counters);
}

bool library_is_initialised(void) {
    /* acquire: pairs with the release in init_locked */
    return atomic_load_explicit(&initialised, memory_order_acquire);
}

bool library_is_locked(void) {
    return lock_is_held(&init_lock);
}

void library_unlock(void) {
    lock_reset(&init_lock);
}

bool library_ready(void) {
    if (likely(library_is_initialised()))
        return true;
    if (!process_is_whole())
        fork_mend();
    lock_take(&init_lock);
    bool mine = !atomic_load_explicit(&initialised, memory_order_relaxed); /* the lock orders it */
    bool ready = !mine || init_locked();
    lock_give(&init_lock);
    if (mine && ready)
        init_hooks();
    return ready;
}

/* At load: descriptors and limits are as the program got them, and no sandbox is up yet. */
__attribute__((constructor)) static void start(void) {
    (void)library_ready();
}

static struct heap *heap_obtain(void) {
    struct heap *heap = park_take(false);
    return heap != NULL || superslab_heap(&heap) == OK ? heap : park_take(true);
}

/* Has the destructor called at the thread's end. pthread_setspecific may allocate: own_heap is set.
 */
static struct heap *watch_end(struct heap *heap) {
    /* acquire: pairs with the release in init_hooks */
    if (atomic_load_explicit(&key_usable, memory_order_acquire))
        (void)pthread_setspecific(key, heap);
    return heap;
}

struct heap *thread_heap_get(void) {
    if (likely(own_heap != NULL))
        return own_heap;
    if (!library_ready())
        return NULL;
    if (options.pool == POOL_CPU)
        return cpu_heap_take();
    if (own_heap != NULL) /* init_hooks allocated */
        return watch_end(own_heap);
    struct heap *heap = heap_obtain();
    if (heap == NULL || thread_ending)
        return heap;
    own_heap = heap;
    if (!check_is_full())
        thread_heap = heap;
    return watch_end(heap);
}

struct heap *thread_heap_own(void) {
    return own_heap;
}

struct heap *thread_heap_for_free(struct heap *owner) {
    if (likely(own_heap != NULL) || thread_ending)
        return own_heap;
    return options.pool == POOL_CPU ? cpu_heap_take_for(owner) : thread_heap_get();
}

void thread_heap_done(struct heap *heap) {
    if (likely(heap == own_heap))
        return;
    if (options.pool == POOL_CPU)
        cpu_heap_give(heap);
    else
        park_give(heap);
}
