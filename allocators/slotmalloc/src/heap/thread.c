#include "heap/thread.h"

#include <pthread.h>

#include "base/options.h"
#include "heap/cpu.h"
#include "heap/park.h"
#include "memory/supply.h"

struct heap thread_no_heap;
_Thread_local struct heap *thread_heap = &thread_no_heap;
_Thread_local uint32_t thread_depth;

/* The heap that the thread has, also with check=full. */
static _Thread_local struct heap *own_heap __attribute__((tls_model("initial-exec")));

/* Set when the thread ends: what it still allocates or frees must not need a second end. */
static _Thread_local bool thread_ending __attribute__((tls_model("initial-exec")));

static pthread_key_t key;       /* its destructor runs at a thread's end */
static _Atomic bool key_usable; /* `key` is made */

void thread_heap_leave(void) {
    thread_heap = &thread_no_heap;
    own_heap = NULL;
}

void thread_end(void) {
    struct heap *heap = own_heap;
    thread_ending = true;
    thread_heap_leave();
    if (heap != NULL)
        park_give(heap);
}

/* Has the destructor called at the thread's end. pthread_setspecific may allocate: own_heap is set.
 */
static void watch_end(void) {
    /* acquire: pairs with the release in thread_watch_ends */
    if (atomic_load_explicit(&key_usable, memory_order_acquire))
        (void)pthread_setspecific(key, own_heap);
}

void thread_watch_ends(void (*end)(void *heap)) {
    bool made = pthread_key_create(&key, end) == 0;
    /* release: pairs with the acquire in watch_end, which then reads the key */
    atomic_store_explicit(&key_usable, made, memory_order_release);
    if (own_heap != NULL) /* pthread_key_create allocated */
        watch_end();
}

static struct heap *heap_obtain(void) {
    struct heap *heap = park_take(false);
    return heap != NULL || supply_heap(&heap) == OK ? heap : park_take(true);
}

struct heap *thread_heap_get(void) {
    if (likely(own_heap != NULL))
        return own_heap;
    if (options.pool == POOL_CPU)
        return cpu_heap_take();
    struct heap *heap = heap_obtain();
    if (heap == NULL || thread_ending)
        return heap;
    own_heap = heap;
    if (!options_check_full())
        thread_heap = heap;
    watch_end();
    return heap;
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
