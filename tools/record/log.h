/* Writing events: the fast path of the recorder. */
#pragma once
#include "raw.h"
#include <stdbool.h>
#include <stddef.h>

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* What the threads of one process share. It is in a page that is zero in a forked child
 * (MADV_WIPEONFORK), so a child finds generation 0 whichever way it was forked, and begins a page
 * of its own in the raw file. */
struct log_process {
    _Atomic uint32_t generation; /* differs between parent and child; 0: not started */
    _Atomic bool stopped;        /* nothing (more) can be recorded of this process */
    atomic_flag starting;
};

/* The next event's number less one, on a cache line of its own. A forked child continues from its
 * copy: so it knows which of the parent's events came before it, also if other threads allocated
 * during the fork. */
struct log_counter {
    _Alignas(64) _Atomic uint64_t drawn;
};

struct log_thread {
    uint64_t *next, *end; /* free words of the current chunk */
    uint32_t generation;
    uint32_t id;
    size_t chunk_bytes;
    const void *releasing; /* what an operator delete has already recorded as freed */
};

/* The value of `releasing` outside of an operator delete; NULL would mean a free(NULL). */
#define LOG_NOTHING ((const void *)1)

extern struct log_process *log_process;
extern struct log_counter log_counter;
extern __thread struct log_thread log_self;

/* Gives the thread a chunk with room for any event; first, if need be, begins the recording of the
 * process or the thread. False if nothing can be recorded (any more); the loss is counted.
 * Preserves errno. */
bool log_refill(void);

/* Counts a request that the allocator refused. */
void log_refused(void);

static inline bool log_has_room(void) {
    return log_self.end - log_self.next >= 3 &&
           log_self.generation ==
               atomic_load_explicit(&log_process->generation, memory_order_relaxed);
}

/* In a child, after a signal handler forked in the middle of log_event: who writes the event with
 * the number `*seq`. False: the parent, as it is before the fork. True: the child, into its own
 * chunk, with the number `*seq` or, if that is 0, a new one. */
bool log_was_forked(uint64_t *seq);

/* Writes one event. The counter is relaxed: if two events must not be swapped, the program or the
 * allocator has synchronised the two threads between them, and the later read-modify-write gets
 * the greater number. The generation is read again after
 * the number is drawn (relaxed, but behind a barrier for the compiler: only a handler of this
 * thread can have changed it). A fork after that leaves a child that stores what its parent stores
 * too. The store of the head releases the words below it to a reader that comes after a SIGKILL. */
static inline void log_event(enum raw_op op, unsigned align_log2, uint64_t address, uint64_t size) {
    uint64_t seq = 0, *event;
    for (;;) {
        while (unlikely(!log_has_room()))
            if (!log_refill())
                return;
        uint32_t generation = log_self.generation;
        event = log_self.next;
        log_self.next += raw_words_of(op);
        if (!seq)
            seq = atomic_fetch_add_explicit(&log_counter.drawn, 1, memory_order_relaxed) + 1;
        atomic_signal_fence(memory_order_seq_cst);
        if (likely(generation ==
                   atomic_load_explicit(&log_process->generation, memory_order_relaxed)))
            break;
        if (!log_was_forked(&seq))
            return;
    }
    event[1] = address;
    if (raw_words_of(op) == 3)
        event[2] = size;
    atomic_store_explicit((_Atomic uint64_t *)event, raw_word(op, align_log2, seq),
                          memory_order_release);
}

/* After the real malloc, whose result is `address`. */
static inline void log_acquire(enum raw_op op, const void *address, size_t size, size_t alignment) {
    if (unlikely(!address)) {
        log_refused();
        return;
    }
    unsigned align_log2 = alignment ? (unsigned)__builtin_ctzll(alignment) : 0;
    log_event(op, align_log2, (uint64_t)(uintptr_t)address, size);
}

/* Whether the latest event of this thread acquires `address` and is newer than the position
 * `before` (a former log_self.next). The head of a two-word event has a non-zero op in its low bits
 * and so never equals an address. */
static inline bool log_just_acquired(const uint64_t *before, const void *address) {
    return log_self.next != before && log_self.next[-2] == (uint64_t)(uintptr_t)address;
}

/* Before the real free of `address`. */
static inline void log_release(enum raw_op op, const void *address) {
    log_event(op, 0, (uint64_t)(uintptr_t)address, 0);
}
