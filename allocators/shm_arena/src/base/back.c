#include "base/back.h"

#include "base/map.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

/* A file gets its length without memory or disk space. If there is none when a page is first
 * touched, the kernel sends SIGBUS. So every part of the file is backed before it is touched: its
 * first pages when the pool is created, a process's counters before it joins, the metadata of slots
 * before the frontier passes them, and a slot's data before a block in it is allocated.
 *
 * The pool records which slots are backed, so each is backed once for all processes, until its
 * memory is given back. The owner of the slot sets the mark after backing it, and clears it before
 * it gives the memory back: if it is killed in between, the slot is backed once more. With
 * SHM_ARENA_OVERCOMMIT slots are marked without being backed. */

#ifndef MADV_POPULATE_WRITE
#    define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

enum { LARGEST_PAGE = 1 << 16 }; /* of any architecture, without huge pages */

static bool is_short_of_space(int error) {
    return error == ENOSPC || error == EDQUOT || error == EFBIG || error == ENOMEM;
}

/* A signal makes fallocate(2) fail with EINTR and start over, so a program with a fast timer would
 * never complete it: the second attempt blocks signals. */
static bool back_by_file(int fd, uint64_t offset, uint64_t bytes) {
    /* KEEP_SIZE: the file has its length, and must not grow */
    if (!fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes))
        return true;
    if (errno != EINTR)
        return false;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool done = !fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return done;
}

/* Backs memory without the file's descriptor. EFAULT means that a touch would raise SIGBUS. */
static bool back_by_mapping(struct shm_arena *a, uint64_t offset, uint64_t bytes) {
    uint64_t first = offset & ~(uint64_t)(LARGEST_PAGE - 1),
             end = (offset + bytes + LARGEST_PAGE - 1) & ~(uint64_t)(LARGEST_PAGE - 1);
    if (end > a->map_bytes)
        end = a->map_bytes;
    if (!madvise(a->view.base + first, end - first, MADV_POPULATE_WRITE))
        return true;
    errno = errno == EFAULT ? ENOSPC : errno;
    return false;
}

/* The program may have closed the file's descriptor: daemons close all that they inherit.
 * Transparent huge pages need the mapping, since the advice was given for the mapping. */
int back_range(struct shm_arena *a, uint64_t offset, uint64_t bytes) {
    if (NO_SPACE_HERE())
        return SHM_ARENA_NO_SPACE;
    if (a->huge != HUGE_ADVISED && file_is_same(a->fd, &a->file)) {
        if (back_by_file(a->fd, offset, bytes))
            return SHM_ARENA_OK;
        if (is_short_of_space(errno))
            return SHM_ARENA_NO_SPACE;
    }
    return back_by_mapping(a, offset, bytes) ? SHM_ARENA_OK : SHM_ARENA_NO_SPACE;
}

/* The next slots of [*slot, end) that are not marked as backed; false if there are none. */
static bool next_unbacked(const struct shm_arena *a, uint64_t *slot, uint64_t end,
                          uint64_t *count) {
    while (*slot < end && map_has(a, DATA_BACKED_MAP, *slot))
        ++*slot;
    *count = 0;
    while (*slot + *count < end && !map_has(a, DATA_BACKED_MAP, *slot + *count))
        ++*count;
    return *count > 0;
}

static bool punch(struct shm_arena *a, uint64_t slot, uint64_t count) {
    return !madvise(a->view.base + slot_offset(a, slot), count << SLOT_SHIFT, MADV_REMOVE);
}

int back_data(struct shm_arena *a, uint64_t first, uint64_t count) {
    uint64_t end = first + count, part;
    bool any = false;
    for (uint64_t slot = first; next_unbacked(a, &slot, end, &part); slot += part) {
        any = true;
        if (a->flags & SHM_ARENA_OVERCOMMIT)
            continue;
        int error = back_range(a, slot_offset(a, slot), part << SLOT_SHIFT);
        CRASH_POINT();
        if (!error)
            continue;
        int why = errno; /* return what a partial success has taken */
        for (uint64_t end_of_failed = slot + part, at = first;
             next_unbacked(a, &at, end_of_failed, &part); at += part)
            punch(a, at, part);
        errno = why;
        return error;
    }
    if (any)
        map_set_range(a, DATA_BACKED_MAP, first, count);
    return SHM_ARENA_OK;
}

bool back_give_up(struct shm_arena *a, uint64_t slot) {
    map_clear(a, DATA_BACKED_MAP, slot);
    CRASH_POINT();
    return punch(a, slot, 1);
}

int back_side(struct shm_arena *a, uint64_t slot, unsigned class) {
    enum { BYTES = SIDE_BLOCKS * sizeof(uint16_t) };
    if (!class_has_side(class) || map_has(a, SIDE_BACKED_MAP, slot))
        return SHM_ARENA_OK;
    int error = back_range(a, a->geometry.side + slot * BYTES, BYTES);
    CRASH_POINT();
    if (!error)
        map_set(a, SIDE_BACKED_MAP, slot);
    return error;
}

/* Backs the metadata of the groups [from, end) of slots. */
static int back_groups(struct shm_arena *a, uint64_t from, uint64_t end) {
    enum { SMALLS = GROUP_SLOTS * sizeof(struct small_slot), MAP_LINES = MAPS * LINE_BYTES };
    const struct geometry *g = &a->geometry;
    uint64_t count = end - from, smalls = g->smalls + from * SMALLS,
             smalls_end = smalls + count * SMALLS;
    int error = back_range(a, g->states + from * PAGE_BYTES, count * PAGE_BYTES);
    if (!error)
        error = back_range(a, smalls, (smalls_end < g->maps ? smalls_end : g->maps) - smalls);
    return error ? error : back_range(a, g->maps + from * MAP_LINES, count * MAP_LINES);
}

int back_metadata(struct shm_arena *a, uint64_t end_slot) {
    uint64_t end = (end_slot + GROUP_SLOTS - 1) / GROUP_SLOTS;
    /* acquire and release: a process that sees the mark sees what was written there */
    uint64_t seen = atomic_load_explicit(&a->pool->prepared, memory_order_acquire);
    if (end <= seen)
        return SHM_ARENA_OK;
    int error = back_groups(a, seen, end);
    CRASH_POINT();
    while (!error && seen < end &&
           !atomic_compare_exchange_weak_explicit(&a->pool->prepared, &seen, end,
                                                  memory_order_release, memory_order_relaxed))
        ;
    return error;
}

int back_all(struct shm_arena *a) {
    const struct geometry *g = &a->geometry;
    int error = back_range(a, 0, g->total);
    if (error)
        return error;
    if (madvise(a->view.base, a->map_bytes, MADV_POPULATE_WRITE))
        for (uint64_t at = 0; at < g->total; at += PAGE_BYTES)
            __atomic_fetch_or(a->view.base + at, 0, __ATOMIC_RELAXED); /* changes nothing */
    return SHM_ARENA_OK;
}
