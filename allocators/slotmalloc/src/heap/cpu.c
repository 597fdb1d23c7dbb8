#include "heap/cpu.h"

#include <sched.h>
#include <sys/auxv.h>

#include "base/lock.h"
#include "base/process.h"
#include "base/tuning.h"
#include "heap/pool.h"
#include "heap/recover.h"
#include "heap/remote.h"
#include "memory/arena.h"
#include "memory/supply.h"

#define AUXV_RSEQ_FEATURES                                                                         \
    27                 /* AT_RSEQ_FEATURE_SIZE of linux/auxvec.h: known bytes of the area          \
                        */
#define RSEQ_MM_CID 24 /* offset of mm_cid in struct rseq, linux/rseq.h; since Linux 6.3 */

/* One CPU's place. */
struct seat {
    _Alignas(CACHE_LINE) struct lock lock; /* held while a call uses the heap */
    _Atomic(struct heap *) heap;           /* never changes once it is there */
};

static struct seat seats[CPU_HEAPS_MAX];
static struct lock open_lock;      /* held while a seat gets its heap */
static _Atomic uint32_t seats_end; /* one beyond the last seat that has one */
static uint32_t seats_limit;       /* seats that may get one */
static bool numbers_are_dense;     /* the kernel numbers the CPUs that a process uses */

/* Where libc (glibc 2.35 and later) keeps each thread's rseq area, as the thread's pointer plus an
 * offset. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned __rseq_size __attribute__((weak));

static uintptr_t thread_pointer(void) {
    uintptr_t pointer;
#if defined(__x86_64__)
    __asm__("mov %%fs:0, %0" : "=r"(pointer));
#else
    __asm__("mrs %0, tpidr_el0" : "=r"(pointer));
#endif
    return pointer;
}

void cpu_init(void) {
    bool registered = &__rseq_offset != NULL && &__rseq_size != NULL && __rseq_size != 0;
    size_t known = registered ? getauxval(AUXV_RSEQ_FEATURES) : 0;
    numbers_are_dense = known >= RSEQ_MM_CID + sizeof(uint32_t);
    seats_limit = arena.heap_limit < CPU_HEAPS_MAX ? arena.heap_limit : CPU_HEAPS_MAX;
}

/* The kernel's own numbering of the CPUs that the process runs on goes from 0 up without gaps,
 * whatever the machine's numbers are. Wrong a moment later, which costs time only. */
static uint32_t seat_here(void) {
    if (numbers_are_dense) {
        uintptr_t area = thread_pointer() + (uintptr_t)__rseq_offset;
        return *(const volatile uint32_t *)(area + RSEQ_MM_CID) % seats_limit;
    }
    int cpu = sched_getcpu();
    return cpu > 0 ? (uint32_t)cpu % seats_limit : 0;
}

static struct heap *heap_at(uint32_t number) {
    /* acquire: pairs with the release in seat_open */
    return atomic_load_explicit(&seats[number].heap, memory_order_acquire);
}

uint32_t cpu_heap_end(void) {
    return atomic_load_explicit(&seats_end, memory_order_relaxed); /* relaxed: a snapshot */
}

static struct heap *seat_open(uint32_t number) {
    lock_take(&open_lock);
    struct heap *heap = heap_at(number);
    if (heap == NULL && supply_heap(&heap) == OK) {
        heap->seat = number;
        if (number >= cpu_heap_end()) /* relaxed: writers hold the lock; fork finds no seat in */
            atomic_store_explicit(&seats_end, number + 1, memory_order_relaxed); /* use beyond */
        /* release: pairs with the acquire in heap_at */
        atomic_store_explicit(&seats[number].heap, heap, memory_order_release);
    }
    lock_give(&open_lock);
    return heap;
}

/* The seat's heap, if it is free or new. */
static struct heap *take_if_free(uint32_t number) {
    struct heap *heap = heap_at(number);
    if (unlikely(heap == NULL))
        heap = seat_open(number);
    if (heap == NULL || !lock_try(&seats[number].lock))
        return NULL;
    recover_if_torn(heap);
    return heap;
}

struct heap *cpu_heap_take(void) {
    uint32_t here = seat_here();
    for (uint32_t i = 0; i < CPU_PROBES; i++) {
        struct heap *heap = take_if_free((here + i) % seats_limit);
        if (likely(heap != NULL))
            return heap;
    }
    return cpu_heap_take_at(here);
}

/* A block that goes home at once keeps no slot half used, which is what this option is for. */
struct heap *cpu_heap_take_for(struct heap *owner) {
    if (unlikely(!lock_try(&seats[owner->seat].lock)))
        return cpu_heap_take();
    recover_if_torn(owner);
    return owner;
}

struct heap *cpu_heap_take_at(uint32_t number) {
    struct heap *heap = heap_at(number);
    if (heap == NULL)
        return NULL;
    lock_take(&seats[number].lock);
    recover_if_torn(heap);
    return heap;
}

void cpu_heap_give(struct heap *heap) {
    lock_give(&seats[heap->seat].lock);
}

void cpu_sweep(void) {
    static _Atomic uint32_t turn;
    uint32_t end = cpu_heap_end();
    if (end < 2)
        return;
    /* relaxed: whose turn it is need not be exact */
    uint32_t number = atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed) % end;
    struct heap *heap = heap_at(number);
    if (heap == NULL || !lock_try(&seats[number].lock)) /* the caller's own is taken, too */
        return;
    recover_if_torn(heap);
    remote_flush(heap);
    pool_drain(heap);
    cpu_heap_give(heap);
}

bool cpu_is_locked(void) {
    bool locked = lock_is_held(&open_lock);
    for (uint32_t number = 0; number < cpu_heap_end(); number++)
        locked = locked || lock_is_held(&seats[number].lock);
    return locked;
}

void cpu_rebuild(void) {
    for (uint32_t number = 0; number < cpu_heap_end(); number++) {
        struct heap *heap = heap_at(number);
        if (heap == NULL || !lock_is_held(&seats[number].lock))
            continue;
        heap->torn = true;
        process_step();
        lock_reset(&seats[number].lock);
    }
    lock_reset(&open_lock);
}
