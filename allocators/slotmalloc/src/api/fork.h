/* fork: no lock is held while libc forks, and nothing is done before it. The child makes the
 * allocator whole when a thread of it is first on a slow path, however it was forked. */
#ifndef SLOTMALLOC_FORK_H
#define SLOTMALLOC_FORK_H

/* Registers the handler; called once, may allocate. */
void fork_init(void);

/* Makes the allocator whole; called when process_is_whole() says that it is not. */
void fork_mend(void);

#endif
