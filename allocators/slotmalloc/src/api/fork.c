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

/* What a child finds: every other thread stopped at an arbitrary instruction, perhaps with a lock,
 * and so, when a signal handler forked, its own call that the handler interrupted.
 *
 *   - `ident`, the lengths of runs and huge blocks, the cursors, remote words, bins and lists of
 *     free blocks change by single stores, in an order that may end after any of them. A step that
 *     was cut off costs at most what one slot holds; nothing is ever handed out twice.
 *   - All else follows from these and is made anew here (bitmaps, totals, index, pending stacks,
 *     the list of parked heaps), or by recover.c when a torn heap is next used.
 *
 * The forking thread's own heap is whole when the thread was not inside a slow path. If it was, the
 * interrupted call may go on only if nobody allocates or frees before: the heap is left. */

static struct heap *survivor; /* the forking thread's heap, noted by the handler */
static bool unfinished;       /* also in the child of a child that forked while it mended */

/* Heaps that threads use now. */
static uint32_t heaps_in_use(void) {
    return arena_heap_count() - park_count();
}

static bool any_lock_is_held(void) {
    return supply_is_locked() || lock_is_held(&park_lock) || quarantine_is_locked() ||
           cpu_is_locked() || lock_is_held(&library.lock);
}

/* True when a process that has only this thread's heap, `keep`, needs nothing done. */
static bool is_whole(const struct heap *keep, bool interrupted) {
    bool alone = options.pool == POOL_CPU || heaps_in_use() <= (keep != NULL);
    return alone && !interrupted && !unfinished && !any_lock_is_held();
}

/* A sender may have gone between turning QUEUED on and pushing the slot. */
static void rebuild_pending(void) {
    for (uint32_t i = 0; i < arena_heap_count(); i++)
        remote_forget_pending(&arena.heaps[i]);
    for (uint32_t number = 0; (number = region_next_slot(number)) != 0;) {
        uint64_t ident = ident_read(number);
        if (ident > HEAP_ALIGN && ident_delta(ident) == 0 && remote_is_queued(number))
            remote_queue(number);
    }
}

static void mend(struct heap *keep) {
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

/* The heap that the forking thread goes on with. */
static struct heap *heap_to_keep(bool noted) {
    if (noted)
        return survivor;
    return thread_depth > 0 ? NULL : thread_heap_own();
}

static void mend_child(bool noted) {
    struct heap *keep = heap_to_keep(noted);
    bool interrupted = thread_depth > 0;
    process_is_child = true;
    if (is_whole(keep, interrupted))
        return;
    mend(keep);
    if (interrupted) {
        thread_heap_leave();
        thread_depth = 0; /* the interrupted call does not go on */
    }
}

static void mend_or_start(uint32_t state) {
    if (library_is_initialised()) {
        mend_child(state == PROCESS_FORKED);
    } else {
        process_watch();
        lock_reset(&library.lock);
    }
}

/* Waits for the thread that mends. */
static void wait_for_mending(uint32_t state) {
    /* relaxed: fork_mend reads the state again */
    if (state == PROCESS_AWAITED || process_change(PROCESS_MENDING, PROCESS_AWAITED))
        kernel_wait(&process_page.state, PROCESS_AWAITED);
    kernel_wake(&process_page.state); /* the next one that waits, if the mending is over */
}

void fork_mend(void) {
    for (uint32_t state; (state = process_state()) != PROCESS_WHOLE;) {
        if (state == PROCESS_MENDING || state == PROCESS_AWAITED) {
            wait_for_mending(state);
        } else if (process_change(state, PROCESS_MENDING)) {
            mend_or_start(state);
            if (!process_change(PROCESS_MENDING, PROCESS_WHOLE)) {
                process_set(PROCESS_WHOLE);
                kernel_wake(&process_page.state);
            }
        }
    }
}

/* Does nothing but note who forked: most children execute another program at once. */
static void child(void) {
    if (process_is_watched() && process_state() != PROCESS_NEW)
        return; /* another handler allocated before */
    survivor = thread_depth > 0 ? NULL : thread_heap_own();
    process_set(PROCESS_FORKED);
}

void fork_init(void) {
    (void)pthread_atfork(NULL, NULL, child);
}
