#include "recovery/attach.h"

#include "process/handles.h"
#include "process/presence.h"
#include "process/process.h"
#include "recovery/recover.h"

unsigned process_attach(struct shm_arena *a) {
    unsigned me = process_join(a);
    if (me || join_refusal(a) != SHM_ARENA_TOO_MANY_PROCESSES)
        return me;
    me = process_join_as_successor(a);
    if (me)
        pool_reclaim_leftovers(a);
    return me;
}

void process_detach(struct shm_arena *a) {
    unsigned me = atomic_load_explicit(&a->me, memory_order_relaxed);
    if (!me)
        return;
    bool gone[MAX_PROCESSES] = {false};
    gone[me - TAG_FIRST] = true;
    pool_reclaim(a, gone, false);
    process_vacate(a, me);
    presence_drop(a); /* last: an entry whose lock is free is that of a dead process */
}

static void return_current(struct shm_arena *a) {
    unsigned me = atomic_load_explicit(&a->me, memory_order_relaxed);
    if (me)
        pool_return_current(a, me);
}

/* At exit the current slots are offered at once; another process will find the entry's process dead
 * and reclaim the rest. Threads that still run are not disturbed. */
__attribute__((destructor)) static void at_exit(void) {
    handles_visit(return_current);
}
