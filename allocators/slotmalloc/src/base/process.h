/* Whether this process was forked from the one that the allocator's memory speaks of, and not made
 * whole since.
 *
 * The word lies in a page that the kernel hands to a child as zeros (MADV_WIPEONFORK), so that a
 * child finds 0 whichever way it was forked, before any handler has run; vfork and threads share
 * the page. Where the kernel does not do that, a handler of pthread_atfork stands in for it. */
#ifndef SLOTMALLOC_PROCESS_H
#define SLOTMALLOC_PROCESS_H

#include "base/types.h"

enum process_state {
    PROCESS_NEW = 0,     /* at the start; in a child until someone has looked */
    PROCESS_WHOLE = 1,   /* nothing is to be done */
    PROCESS_FORKED = 2,  /* a child, whose handler has noted which heap is the forking thread's */
    PROCESS_MENDING = 3, /* a thread is making the allocator whole */
    PROCESS_AWAITED = 4, /* the same, and others wait for it */
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

/* True in a process that was forked: a free that a signal handler's fork cut short may have left
 * one block more on a slot's list than its counts tell. */
extern bool process_is_child;

static inline uint32_t process_state(void) {
    /* acquire: pairs with the releases below, after which the heaps are whole */
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

/* Has the kernel wipe the word in children; harmless when called again. */
void process_watch(void);

/* True when the kernel does so. */
bool process_is_watched(void);

/* Sets the head of a list of free blocks, whose links were written before. release: a fork in a
 * signal handler or by another thread finds the links where it finds the head. */
static inline void process_set_head(struct block **head, struct block *block) {
    __atomic_store_n(head, block, __ATOMIC_RELEASE);
}

/* Between two stores: a fork, in a signal handler or by another thread, finds the first one done
 * where it finds the second. */
static inline void process_step(void) {
#if defined(__SANITIZE_THREAD__) || defined(__x86_64__)
    atomic_signal_fence(memory_order_seq_cst); /* this machine keeps the order of stores */
#else
    atomic_thread_fence(memory_order_release);
#endif
}

#endif
