/* fork: no lock is held while libc forks, and nothing is done before it. The child repairs the
 * allocator's state when a thread of it is first on a slow path, however it was forked. */
#ifndef SLOTMALLOC_FORK_H
#define SLOTMALLOC_FORK_H

/* Registers the handler; called once, may allocate. */
void fork_init(void);

/* Repairs the state; called when process_is_whole() is false. */
void fork_repair(void);

#endif
