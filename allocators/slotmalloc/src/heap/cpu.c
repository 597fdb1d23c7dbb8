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

/* AT_RSEQ_FEATURE_SIZE of linux/auxvec.h: the bytes of struct rseq that the kernel knows. */
#define AUXV_RSEQ_FEATURES 27

/* Offset of mm_cid in struct rseq, linux/rseq.h; since Linux 6.3. */
#define RSEQ_MM_CID 24

/* The heap of one CPU. */
struct cpu_heap {
    _Alignas(CACHE_LINE) struct lock lock; /* held while a call uses the heap */
    _Atomic(struct heap *) heap;           /* never changes once it is set */
};

static struct cpu_heap cpu_heaps[CPU_HEAPS_MAX];
static struct lock open_lock;      /* held while a CPU's heap is made */
static _Atomic uint32_t heaps_end; /* one beyond the last CPU with a heap */
static uint32_t heaps_limit;       /* CPUs that may have one */
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
    heaps_limit = arena.heap_limit < CPU_HEAPS_MAX ? arena.heap_limit : CPU_HEAPS_MAX;
}

/* The kernel numbers the CPUs that the process runs on from 0 without gaps. The number may be wrong
 * a moment later, which costs time only. */
static uint32_t number_here(void) {
    if (numbers_are_dense) {
        uintptr_t area = thread_pointer() + (uintptr_t)__rseq_offset;
        return *(const volatile uint32_t *)(area + RSEQ_MM_CID) % heaps_limit;
    }
    int cpu = sched_getcpu();
    return cpu > 0 ? (uint32_t)cpu % heaps_limit : 0;
}

static struct heap *heap_at(uint32_t number) {
    /* acquire: pairs with the release in heap_open */
    return atomic_load_explicit(&cpu_heaps[number].heap, memory_order_acquire);
}

uint32_t cpu_heap_end(void) {
    return atomic_load_explicit(&heaps_end, memory_order_relaxed); /* relaxed: a snapshot */
}

static struct heap *heap_open(uint32_t number) {
    lock_take(&open_lock);
    struct heap *heap = heap_at(number);
    if (heap == NULL && supply_heap(&heap) == OK) {
        heap->cpu_number = number;
        if (number >= cpu_heap_end()) /* relaxed: writers hold the lock; a forked child finds no */
            atomic_store_explicit(&heaps_end, number + 1,
                                  memory_order_relaxed); /* heap in use beyond */
        /* release: pairs with the acquire in heap_at */
        atomic_store_explicit(&cpu_heaps[number].heap, heap, memory_order_release);
    }
    lock_give(&open_lock);
    return heap;
}

/* The CPU's heap, if it is free or new. */
static struct heap *take_if_free(uint32_t number) {
    struct heap *heap = heap_at(number);
    if (unlikely(heap == NULL))
        heap = heap_open(number);
    if (heap == NULL || !lock_try(&cpu_heaps[number].lock))
        return NULL;
    recover_if_torn(heap);
    return heap;
}

struct heap *cpu_heap_take(void) {
    uint32_t here = number_here();
    for (uint32_t i = 0; i < CPU_PROBES; i++) {
        struct heap *heap = take_if_free((here + i) % heaps_limit);
        if (likely(heap != NULL))
            return heap;
    }
    return cpu_heap_take_at(here);
}

/* Free into the owner's heap when it is unlocked: keeps slots dense, which is the purpose of this
 * option. */
struct heap *cpu_heap_take_for(struct heap *owner) {
    if (unlikely(!lock_try(&cpu_heaps[owner->cpu_number].lock)))
        return cpu_heap_take();
    recover_if_torn(owner);
    return owner;
}

struct heap *cpu_heap_take_at(uint32_t number) {
    struct heap *heap = heap_at(number);
    if (heap == NULL)
        return NULL;
    lock_take(&cpu_heaps[number].lock);
    recover_if_torn(heap);
    return heap;
}

void cpu_heap_give(struct heap *heap) {
    lock_give(&cpu_heaps[heap->cpu_number].lock);
}

void cpu_sweep(void) {
    static _Atomic uint32_t turn;
    uint32_t end = cpu_heap_end();
    if (end < 2)
        return;
    /* relaxed: whose turn it is need not be exact */
    uint32_t number = atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed) % end;
    struct heap *heap = heap_at(number);
    if (heap == NULL || !lock_try(&cpu_heaps[number].lock)) /* the caller holds its own one */
        return;
    recover_if_torn(heap);
    remote_flush(heap);
    pool_drain(heap);
    cpu_heap_give(heap);
}

bool cpu_is_locked(void) {
    bool locked = lock_is_held(&open_lock);
    for (uint32_t number = 0; number < cpu_heap_end(); number++)
        locked = locked || lock_is_held(&cpu_heaps[number].lock);
    return locked;
}

void cpu_rebuild(void) {
    for (uint32_t number = 0; number < cpu_heap_end(); number++) {
        struct heap *heap = heap_at(number);
        if (heap == NULL || !lock_is_held(&cpu_heaps[number].lock))
            continue;
        heap->torn = true;
        process_step();
        lock_reset(&cpu_heaps[number].lock);
    }
    lock_reset(&open_lock);
}
