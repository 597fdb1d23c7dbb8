/* A futex lock of one word for the slow paths: spins briefly, then sleeps.
 * 0 free, 1 taken, 2 taken with sleepers. */
#ifndef SLOTMALLOC_LOCK_H
#define SLOTMALLOC_LOCK_H

#include "base/kernel.h"
#include "base/tuning.h"

struct lock {
    _Atomic uint32_t word;
};

/* Takes the lock if it is free. */
static inline bool lock_try(struct lock *lock) {
    uint32_t expected = 0;
    /* acquire: pairs with the release in lock_give */
    return atomic_compare_exchange_strong_explicit(&lock->word, &expected, 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

static inline void lock_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    __asm__ volatile("yield");
#endif
}

/* Takes the lock, waiting for it. */
static inline void lock_take(struct lock *lock) {
    for (int i = 0; i < LOCK_SPINS; i++) {
        if (lock_try(lock))
            return;
        lock_pause();
    }
    /* acquire: pairs with the release in lock_give */
    while (atomic_exchange_explicit(&lock->word, 2, memory_order_acquire) != 0)
        kernel_wait(&lock->word, 2);
}

/* Gives the lock back. */
static inline void lock_give(struct lock *lock) {
    /* release: pairs with the acquires in lock_try and lock_take */
    if (atomic_exchange_explicit(&lock->word, 0, memory_order_release) == 2)
        kernel_wake(&lock->word);
}

static inline bool lock_is_held(const struct lock *lock) {
    return atomic_load_explicit(&lock->word, memory_order_relaxed) != 0; /* relaxed: a snapshot */
}

/* After fork, in the child: the holder does not exist here, or does not continue. */
static inline void lock_reset(struct lock *lock) {
    atomic_store_explicit(&lock->word, 0, memory_order_relaxed); /* the child has one thread */
}

#endif
