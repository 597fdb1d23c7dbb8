#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A named pool is built in a file without a name, which is linked to its name when complete. So no
 * process can open an incomplete pool, and a creator that is killed leaves nothing behind. */

static const char shm_folder[] = "/dev/shm";

static char *path_of(enum shm_arena_backend backend, const char *name) {
    char *path = NULL;
    if (backend == SHM_ARENA_FILE)
        return strdup(name);
    return asprintf(&path, "%s%s", shm_folder, name) < 0 ? NULL : path;
}

static bool name_is_valid(enum shm_arena_backend backend, const char *name) {
    if (!name || !*name)
        return false;
    return backend == SHM_ARENA_FILE || (name[0] == '/' && name[1] && name[1] != '.' &&
                                         !strchr(name + 1, '/') && strlen(name) < 250);
}

static int memfd_open(const char *label, unsigned huge_shift) {
    unsigned huge = huge_shift ? MFD_HUGETLB | huge_shift << MFD_HUGE_SHIFT : 0;
    return memfd_create(label ? label : "shm_arena", MFD_CLOEXEC | MFD_ALLOW_SEALING | huge);
}

/* Opens a file without a name in the directory of its later name. */
static int unnamed_open(enum shm_arena_backend backend, const char *name) {
    if (backend == SHM_ARENA_SHM)
        return open(shm_folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    char *folder = strdup(name);
    if (!folder)
        return -1;
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    int fd = open(slash ? folder : ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    free(folder);
    return fd;
}

/* ftruncate(2) without SIGXFSZ, which the kernel sends to a thread whose file would exceed
 * RLIMIT_FSIZE: it is blocked, and removed if it is pending afterwards and was not before. */
static bool set_length(int fd, uint64_t bytes) {
    sigset_t too_long, before, pending;
    sigemptyset(&too_long);
    sigaddset(&too_long, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &too_long, &before);
    bool was_pending = !sigpending(&pending) && sigismember(&pending, SIGXFSZ);
    int failed;
    do
        failed = ftruncate(fd, (off_t)bytes);
    while (failed && errno == EINTR);
    int error = errno;
    if (failed && error == EFBIG && !was_pending)
        sigtimedwait(&too_long, NULL, &(struct timespec){0, 0});
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return !failed;
}

int file_create(const struct shm_arena_options *o, uint64_t bytes, unsigned huge_shift, int *fd) {
    if (o->backend != SHM_ARENA_MEMFD && (o->name || o->backend == SHM_ARENA_FILE) &&
        !name_is_valid(o->backend, o->name))
        return SHM_ARENA_INVALID;
    *fd = o->backend == SHM_ARENA_MEMFD ? memfd_open(o->name, huge_shift)
                                        : unnamed_open(o->backend, o->name);
    if (*fd < 0)
        return SHM_ARENA_SYSTEM;
    if (!fchmod(*fd, o->mode ? o->mode & 0777 : 0600) && set_length(*fd, bytes))
        return SHM_ARENA_OK;
    int error = errno;
    close(*fd);
    errno = error;
    return SHM_ARENA_SYSTEM;
}

/* 128 random bits: a process that may not list the directory cannot guess the name. */
static char *unguessable_name(void) {
    uint64_t random[2];
    char *name = NULL;
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return NULL;
    return asprintf(&name, "/shm-arena-%016lx%016lx", random[0], random[1]) < 0 ? NULL : name;
}

int file_publish(int fd, enum shm_arena_backend backend, const char *wanted, char **name) {
    if (backend == SHM_ARENA_MEMFD) {
        *name = strdup("");
        bool sealed = !fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
        return *name && sealed ? SHM_ARENA_OK : SHM_ARENA_SYSTEM;
    }
    *name = wanted ? strdup(wanted) : unguessable_name();
    char *path = *name ? path_of(backend, *name) : NULL;
    char self[32];
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    int failed = path ? linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) : -1;
    free(path);
    return !failed ? SHM_ARENA_OK : errno == EEXIST ? SHM_ARENA_EXISTS : SHM_ARENA_SYSTEM;
}

int file_open(enum shm_arena_backend backend, const char *name, int *fd) {
    if (backend == SHM_ARENA_MEMFD || !name_is_valid(backend, name))
        return SHM_ARENA_INVALID;
    char *path = path_of(backend, name);
    if (!path)
        return SHM_ARENA_SYSTEM;
    /* O_NONBLOCK: opening a FIFO must not block; it is refused below */
    *fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    free(path);
    if (*fd >= 0)
        return SHM_ARENA_OK;
    if (errno == ENOENT)
        return SHM_ARENA_NOT_FOUND;
    return errno == ELOOP || errno == ENXIO || errno == EISDIR ? SHM_ARENA_NOT_A_FILE
                                                               : SHM_ARENA_SYSTEM;
}

int file_check(int fd, unsigned flags, uint64_t *bytes) {
    struct stat status;
    if (fstat(fd, &status))
        return SHM_ARENA_SYSTEM;
    if (!S_ISREG(status.st_mode))
        return SHM_ARENA_NOT_A_FILE;
    if (!(flags & SHM_ARENA_ANY_OWNER)) {
        if (status.st_uid != geteuid())
            return SHM_ARENA_WRONG_OWNER;
        if (status.st_mode & 022)
            return SHM_ARENA_WRONG_MODE;
    }
    *bytes = (uint64_t)status.st_size;
    return SHM_ARENA_OK;
}

int file_identify(int fd, struct file_identity *file) {
    struct stat status;
    if (fstat(fd, &status))
        return SHM_ARENA_SYSTEM;
    *file = (struct file_identity){status.st_dev, status.st_ino};
    return SHM_ARENA_OK;
}

bool file_is_same(int fd, const struct file_identity *file) {
    struct file_identity found;
    return !file_identify(fd, &found) && found.device == file->device && found.inode == file->inode;
}

int file_unlink(enum shm_arena_backend backend, const char *name,
                const struct file_identity *only) {
    if (backend == SHM_ARENA_MEMFD || !name_is_valid(backend, name))
        return SHM_ARENA_INVALID;
    char *path = path_of(backend, name);
    struct stat there;
    int error = path ? SHM_ARENA_OK : SHM_ARENA_SYSTEM;
    if (!error && only &&
        (lstat(path, &there) || there.st_ino != only->inode || there.st_dev != only->device))
        error = SHM_ARENA_NOT_FOUND; /* the name was removed, or refers to another file now */
    if (!error && unlink(path))
        error = errno == ENOENT ? SHM_ARENA_NOT_FOUND : SHM_ARENA_SYSTEM;
    free(path);
    return error;
}
