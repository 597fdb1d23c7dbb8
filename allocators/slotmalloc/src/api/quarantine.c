#include "api/quarantine.h"

#include "base/lock.h"
#include "base/tuning.h"

static struct lock lock;
static void *blocks[QUARANTINE_BLOCKS];
static unsigned next;

void *quarantine_exchange(void *p) {
    lock_take(&lock);
    void *oldest = blocks[next];
    blocks[next] = p;
    next = (next + 1) % QUARANTINE_BLOCKS;
    lock_give(&lock);
    return oldest;
}

bool quarantine_is_locked(void) {
    return lock_is_held(&lock);
}

void quarantine_reset(void) {
    lock_reset(&lock); /* a block on its way through is lost */
}
