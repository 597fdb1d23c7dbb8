#include "fork.h"

#include <pthread.h>
#include <sched.h>

#include "arena.h"
#include "check.h"
#include "cpu.h"
#include "park.h"
#include "purge.h"
#include "superslab.h"

/* Holds every lock across the fork, so that the child finds what they guard whole. Heaps of other
 * threads may be in the middle of a change: the child leaves them alone for good. What it frees
 * into them gathers on their slots and stays there. Heaps of CPUs are held like any lock. */
static void prepare(void) {
    check_fork_prepare();
    cpu_fork_prepare();
    lock_take(&park_lock);
    lock_take(&superslab_lock);
    while (purge_is_running_locked()) { /* it has slots claimed while it waits for the kernel */
        lock_give(&superslab_lock);
        sched_yield();
        lock_take(&superslab_lock);
    }
}

static void parent(void) {
    lock_give(&superslab_lock);
    lock_give(&park_lock);
    cpu_fork_parent();
    check_fork_parent();
}

static void child(void) {
    lock_reset(&superslab_lock); /* its sleepers exist only in the parent */
    lock_reset(&park_lock);
    arena_fork_child();
    cpu_fork_child();
    check_fork_child();
}

void fork_init(void) {
    (void)pthread_atfork(prepare, parent, child);
}
