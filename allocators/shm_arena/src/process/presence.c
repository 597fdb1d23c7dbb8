#include "process/presence.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* A pid has no meaning outside of its namespace. A lock that the kernel releases when its holder
 * ends has: each process locks the byte of its entry, far behind the end of the pool's file.
 *
 * It is a lock of an open file description (F_OFD_SETLK) that no other process shares: descriptors
 * of the pool are passed on and inherited, so the file is opened again. A descriptor could not keep
 * the description open, since daemons close all of theirs; a mapping of one page does. It ends with
 * exit, kill and exec, as the process's address space does. MADV_DONTFORK keeps it out of children,
 * which would hold the lock for as long as they live. */

static const off_t first_byte = (off_t)1 << 62;

/* A description that is being opened; a forked child must close it, or it would hold the lock. */
static _Atomic int in_transit = -1;

static bool is_ours(const struct shm_arena *a, int fd) {
    if (fd < 0 || file_is_same(fd, &a->file))
        return fd >= 0;
    close(fd);
    return false;
}

/* Opens the pool's file again: by the descriptor through /proc, or by name. */
static int open_anew(const struct shm_arena *a) {
    char path[32];
    int fd = -1;
    if (file_is_same(a->fd, &a->file)) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", a->fd);
        fd = open(path, O_RDWR | O_CLOEXEC);
    }
    if (is_ours(a, fd))
        return fd;
    if (!a->name || file_open(a->backend, a->name, &fd) != SHM_ARENA_OK)
        return -1;
    return is_ours(a, fd) ? fd : -1;
}

static size_t mapped_bytes(const struct shm_arena *a) {
    return a->huge == HUGE_TLB ? a->page_bytes : PAGE_BYTES;
}

int presence_open(struct shm_arena *a) {
    int fd = open_anew(a);
    /* relaxed: read only in a child that this or another thread forks */
    atomic_store_explicit(&in_transit, fd, memory_order_relaxed);
    if (fd < 0)
        return -1;
    void *page = mmap(NULL, mapped_bytes(a), PROT_NONE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (page != MAP_FAILED && !madvise(page, mapped_bytes(a), MADV_DONTFORK)) {
        a->presence = page;
        return fd;
    }
    if (page != MAP_FAILED)
        munmap(page, mapped_bytes(a));
    presence_close(fd);
    return -1;
}

void presence_close(int fd) {
    atomic_store_explicit(&in_transit, -1, memory_order_relaxed);
    if (fd >= 0)
        close(fd);
}

void presence_after_fork(void) {
    presence_close(atomic_load_explicit(&in_transit, memory_order_relaxed));
}

void presence_drop(struct shm_arena *a) {
    if (a->presence)
        munmap(a->presence, mapped_bytes(a));
    a->presence = NULL;
}

static struct flock byte_of(unsigned entry, short type) {
    return (struct flock){
        .l_type = type, .l_whence = SEEK_SET, .l_start = first_byte + entry, .l_len = 1};
}

enum presence presence_take(int fd, unsigned entry) {
    struct flock lock = byte_of(entry, F_WRLCK);
    if (!fcntl(fd, F_OFD_SETLK, &lock))
        return PRESENCE_HELD;
    return errno == EAGAIN || errno == EACCES ? PRESENCE_FREE : PRESENCE_UNKNOWN;
}

void presence_give_up(int fd, unsigned entry) {
    struct flock lock = byte_of(entry, F_UNLCK);
    fcntl(fd, F_OFD_SETLK, &lock);
}

enum presence presence_test(const struct shm_arena *a, unsigned entry) {
    struct flock lock = byte_of(entry, F_WRLCK);
    int fd = file_is_same(a->fd, &a->file) ? a->fd : open_anew(a);
    bool told = fd >= 0 && !fcntl(fd, F_OFD_GETLK, &lock);
    if (fd >= 0 && fd != a->fd)
        close(fd);
    return !told ? PRESENCE_UNKNOWN : lock.l_type == F_UNLCK ? PRESENCE_FREE : PRESENCE_HELD;
}
