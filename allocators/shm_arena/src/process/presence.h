/* The lock on a process table entry, which the kernel releases when its holder ends. */
#pragma once
#include "base/arena.h"

enum presence { PRESENCE_FREE, PRESENCE_HELD, PRESENCE_UNKNOWN };

/* Opens the file description that will hold the lock, under handles_lock(). Returns a descriptor to
 * lock with and then to close, or -1 where the system has no such locks. The lock lasts until
 * presence_drop() or the end of the process. */
int presence_open(struct shm_arena *a);
void presence_close(int fd);

/* Locks an entry: HELD by the caller; FREE if another holds it; UNKNOWN if the file has no
 * locks. */
enum presence presence_take(int fd, unsigned entry);

void presence_give_up(int fd, unsigned entry);
void presence_drop(struct shm_arena *a);

/* Whether a process holds the lock of an entry. */
enum presence presence_test(const struct shm_arena *a, unsigned entry);

/* Closes, in a forked child, a description that another thread was opening. */
void presence_after_fork(void);
