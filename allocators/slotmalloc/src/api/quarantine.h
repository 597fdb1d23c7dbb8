/* check=full: delays the reuse of freed blocks. */
#ifndef SLOTMALLOC_QUARANTINE_H
#define SLOTMALLOC_QUARANTINE_H

#include "base/types.h"

/* Puts a block into the quarantine. Returns the block that leaves it, or NULL. Between
 * slow_path_enter and slow_path_leave. */
void *quarantine_exchange(void *p);

/* After fork: whether a thread held the lock; resets it. */
bool quarantine_is_locked(void);
void quarantine_reset(void);

#endif
