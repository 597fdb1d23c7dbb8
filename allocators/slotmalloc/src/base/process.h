/* Whether this process is a forked child in which the allocator's state has not been repaired yet.
 *
 * The state is in a page that the kernel zeroes in a child (MADV_WIPEONFORK): a child finds 0
 * however it was forked, before any handler has run; vfork and threads share the page. Where the
 * kernel lacks that, a handler of pthread_atfork sets the state. */
#ifndef SLOTMALLOC_PROCESS_H
#define SLOTMALLOC_PROCESS_H

#include "base/types.h"

enum process_state {
    PROCESS_NEW = 0,       /* at the start, and in a child until the first slow path */
    PROCESS_WHOLE = 1,     /* the state is consistent */
    PROCESS_FORKED = 2,    /* a child; its fork handler noted the heap of the forking thread */
    PROCESS_REPAIRING = 3, /* a thread is repairing the state */
    PROCESS_AWAITED = 4,   /* the same, and other threads wait for it */
};

#if defined(__x86_64__)
#    define PROCESS_PAGE 4096
#else
#    define PROCESS_PAGE 65536 /* the largest page that such a machine has */
#endif

struct process_page {
    _Alignas(PROCESS_PAGE) _Atomic uint32_t state; /* enum process_state */
};

extern struct process_page process_page;

/* True in a forked child: a fork in a signal handler may have interrupted a free that left one
 * block more on a slot's list than the counts say. */
extern bool process_is_child;

static inline uint32_t process_state(void) {
    /* acquire: pairs with the releases below, after which the heaps are consistent */
    return atomic_load_explicit(&process_page.state, memory_order_acquire);
}

static inline bool process_is_whole(void) {
    return process_state() == PROCESS_WHOLE;
}

static inline bool process_change(uint32_t from, enum process_state to) {
    /* acquire, release: as in process_state and process_set */
    return atomic_compare_exchange_strong_explicit(&process_page.state, &from, to,
                                                   memory_order_acq_rel, memory_order_relaxed);
}

static inline void process_set(enum process_state state) {
    /* release: pairs with the acquire in process_state */
    atomic_store_explicit(&process_page.state, state, memory_order_release);
}

/* Has the kernel zero the page in children; may be called again. */
void process_watch(void);

/* True when the kernel supports that. */
bool process_is_watched(void);

/* Sets the head of a list of free blocks, whose links were written before. release: a child forked
 * at any point that sees the head sees the links. */
static inline void process_set_head(struct block **head, struct block *block) {
    __atomic_store_n(head, block, __ATOMIC_RELEASE);
}

/* Between two stores: a child forked at any point (by a signal handler or by another thread) that
 * sees the second store sees the first one. */
static inline void process_step(void) {
#if defined(__SANITIZE_THREAD__) || defined(__x86_64__)
    atomic_signal_fence(memory_order_seq_cst); /* this machine keeps the order of stores */
#else
    atomic_thread_fence(memory_order_release);
#endif
}

#endif
