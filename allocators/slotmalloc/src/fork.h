/* fork: the child gets consistent locks, and never touches the heaps of threads that it does not
 * have. */
#ifndef SLOTMALLOC_FORK_H
#define SLOTMALLOC_FORK_H

/* Registers the handlers; called once, may allocate. */
void fork_init(void);

#endif
