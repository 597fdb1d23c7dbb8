#include "api/fork.h"

#include <pthread.h>

#include "api/quarantine.h"
#include "base/kernel.h"
#include "base/library.h"
#include "base/options.h"
#include "base/process.h"
#include "heap/cpu.h"
#include "heap/park.h"
#include "heap/remote.h"
#include "heap/thread.h"
#include "memory/arena.h"
#include "memory/rebuild.h"
#include "memory/region.h"
#include "memory/slot.h"
#include "memory/supply.h"

/* In a child, every other thread has stopped at an arbitrary instruction, perhaps holding a lock.
 * So has the call of the forking thread that a signal handler interrupted, if the handler forked.
 *
 *   - `ident`, the lengths of slot runs and huge blocks, `carved`, remote words, bins and lists of
 *     free blocks change by single stores, in an order of which any prefix is consistent. An
 *     interrupted step loses at most the blocks of one slot; no block is allocated twice.
 *   - All else is derived from these and recomputed here (bitmaps, totals, index, pending stacks,
 *     the list of parked heaps), or by recover.c when a torn heap is next used.
 *
 * The forking thread's own heap is consistent when the thread was not on a slow path. If it was,
 * the heap is left, and the interrupted call must not continue once the child has allocated or
 * freed. */

static struct heap *survivor; /* the forking thread's heap, noted by the handler */
static bool unfinished;       /* also in the child of a child that forked during its repair */

/* Heaps that threads use now. */
static uint32_t heaps_in_use(void) {
    return arena_heap_count() - park_count();
}

static bool any_lock_is_held(void) {
    return supply_is_locked() || lock_is_held(&park_lock) || quarantine_is_locked() ||
           cpu_is_locked() || lock_is_held(&library.lock);
}

/* True when the state is consistent without repair. */
static bool is_whole(const struct heap *keep, bool interrupted) {
    bool alone = options.pool == POOL_CPU || heaps_in_use() <= (keep != NULL);
    return alone && !interrupted && !unfinished && !any_lock_is_held();
}

/* A sender may have been interrupted between turning QUEUED on and pushing the slot. */
static void rebuild_pending(void) {
    for (uint32_t i = 0; i < arena_heap_count(); i++)
        remote_forget_pending(&arena.heaps[i]);
    for (uint32_t number = 0; (number = region_next_slot(number)) != 0;) {
        uint64_t ident = ident_read(number);
        if (ident > HEAP_ALIGN && ident_delta(ident) == 0 && remote_is_queued(number))
            remote_queue(number);
    }
}

static void repair(struct heap *keep) {
    unfinished = true;
    quarantine_reset();
    lock_reset(&library.lock);
    rebuild_superslabs();
    rebuild_pending();
    if (options.pool == POOL_CPU)
        cpu_rebuild();
    else
        park_rebuild(keep);
    unfinished = false;
}

/* The heap that the forking thread keeps. */
static struct heap *heap_to_keep(bool noted) {
    if (noted)
        return survivor;
    return thread_depth > 0 ? NULL : thread_heap_own();
}

static void repair_child(bool noted) {
    struct heap *keep = heap_to_keep(noted);
    bool interrupted = thread_depth > 0;
    process_is_child = true;
    if (is_whole(keep, interrupted))
        return;
    repair(keep);
    if (interrupted) {
        thread_heap_leave();
        thread_depth = 0; /* the interrupted call does not continue */
    }
}

static void repair_or_start(uint32_t state) {
    if (library_is_initialised()) {
        repair_child(state == PROCESS_FORKED);
    } else {
        process_watch();
        lock_reset(&library.lock);
    }
}

/* Waits for the thread that repairs. */
static void wait_for_repair(uint32_t state) {
    /* relaxed: fork_repair reads the state again */
    if (state == PROCESS_AWAITED || process_change(PROCESS_REPAIRING, PROCESS_AWAITED))
        kernel_wait(&process_page.state, PROCESS_AWAITED);
    kernel_wake(&process_page.state); /* the next waiter, if the repair is done */
}

void fork_repair(void) {
    for (uint32_t state; (state = process_state()) != PROCESS_WHOLE;) {
        if (state == PROCESS_REPAIRING || state == PROCESS_AWAITED) {
            wait_for_repair(state);
        } else if (process_change(state, PROCESS_REPAIRING)) {
            repair_or_start(state);
            if (!process_change(PROCESS_REPAIRING, PROCESS_WHOLE)) {
                process_set(PROCESS_WHOLE);
                kernel_wake(&process_page.state);
            }
        }
    }
}

/* Only notes the forking thread's heap: most children execute another program at once. */
static void child(void) {
    if (process_is_watched() && process_state() != PROCESS_NEW)
        return; /* another handler allocated before */
    survivor = thread_depth > 0 ? NULL : thread_heap_own();
    process_set(PROCESS_FORKED);
}

void fork_init(void) {
    (void)pthread_atfork(NULL, NULL, child);
}
