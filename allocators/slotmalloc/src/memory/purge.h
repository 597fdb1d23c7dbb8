/* When unused memory goes back to the kernel.
 *
 * Two rules. Idle: what was not used for purge_delay goes back, looked at by a tick on the slow
 * paths. Burst: when twice as much lies unused as is in use, whole superslabs of it go back at
 * once, because a program that falls idle calls nothing any more. A program that takes again what
 * went back (refaults) keeps it from then on, up to its recent peak: it pays for that once.
 */
#ifndef SLOTMALLOC_PURGE_H
#define SLOTMALLOC_PURGE_H

#include "base/types.h"

/* Coarse seconds of the last tick. Written under the superslab lock. */
extern uint32_t purge_now_s;

/* Called under the superslab lock when slots were given back; may drop and retake it. */
void purge_after_give_locked(void);

/* True when `count` more slots may be made warm under the hard limit; purges to make room. Called
 * under the superslab lock, which it may drop and retake. */
bool purge_room_locked(uint64_t count);

/* Tells that purged slots are taken again. Called under the superslab lock. */
void purge_note_refault_locked(void);

/* True while a purge has slots claimed and the lock dropped. */
bool purge_is_running(void);

/* After fork: whoever purged does not go on. */
void purge_forget(void);

/* Housekeeping; called now and then from slow paths, without the lock. */
void purge_tick(void);

/* Gives back all unused memory but `keep_bytes`. Returns whether any went back. */
bool purge_all(size_t keep_bytes);

#endif
