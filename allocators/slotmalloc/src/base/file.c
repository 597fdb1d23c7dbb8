#include "base/file.h"

#include <fcntl.h>
#include <linux/errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/syscall.h"

#define STDERR       2
#define PIN_BYTES    4096 /* of address space; the kernel rounds up to a page */
#define MODE_CREATED 0644

/* O_NONBLOCK: opening a FIFO must not wait. O_RDWR: file_pin maps the file. */
#define FLAGS (O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

struct file file_stderr = {.fd = -1};

static bool status_of(int fd, struct stat *status) {
    return raw_syscall(SYS_fstat, fd, (long)status, 0, 0, 0, 0) == 0;
}

struct file file_of_stderr(void) {
    struct stat status;
    return status_of(STDERR, &status) ? (struct file){STDERR, status.st_dev, status.st_ino}
                                      : (struct file){.fd = -1};
}

void file_init(void) {
    file_stderr = file_of_stderr();
}

static const char *reason_of(long error) {
    switch (-error) {
    case ELOOP:
        return "it is a symbolic link";
    case EISDIR:
        return "it is a directory";
    case ENXIO:
        return "it is not a regular file";
    case ENOENT:
    case ENOTDIR:
        return "its directory does not exist";
    case EACCES:
    case EPERM:
    case EROFS:
        return "permission denied";
    default:
        return "it cannot be opened";
    }
}

static int open_at(const char *path, int flags) {
    return (int)raw_syscall(SYS_openat, AT_FDCWD, (long)path, flags, MODE_CREATED, 0, 0);
}

/* Descriptors 0 to 2 are the program's, even if it was started without them. */
static int above_standard(int fd) {
    if (fd > STDERR)
        return fd;
    int higher = (int)raw_syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, STDERR + 1, 0, 0, 0);
    raw_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
    return higher;
}

/* Why an existing file must not be emptied; NULL when it may. */
static const char *objection(const struct stat *status) {
    if (!S_ISREG(status->st_mode))
        return "it is not a regular file";
    if (status->st_uid != (uid_t)raw_syscall(SYS_geteuid, 0, 0, 0, 0, 0, 0))
        return "it belongs to another user";
    return status->st_nlink == 1 ? NULL : "it has another name too (a hard link)";
}

const char *file_create(const char *path, bool append, struct file *out) {
    struct stat status;
    int flags = FLAGS | (append ? O_APPEND : 0);
    int fd = open_at(path, flags | O_CREAT | O_EXCL);
    bool fresh = fd >= 0;
    if (fd == -EEXIST)
        fd = open_at(path, flags);
    if (fd >= 0)
        fd = above_standard(fd);
    if (fd < 0)
        return reason_of(fd);
    const char *reason = status_of(fd, &status) ? NULL : "its status cannot be read";
    if (reason == NULL && !fresh)
        reason = objection(&status);
    if (reason == NULL && !fresh && raw_syscall(SYS_ftruncate, fd, 0, 0, 0, 0, 0) != 0)
        reason = "it cannot be emptied";
    *out = (struct file){fd, status.st_dev, status.st_ino};
    if (reason != NULL)
        file_close(out);
    return reason;
}

void file_pin(const struct file *file) {
    (void)raw_syscall(SYS_mmap, 0, PIN_BYTES, PROT_NONE, MAP_SHARED, file->fd, 0);
}

static bool is_still(const struct file *file) {
    struct stat status;
    return file->fd >= 0 && status_of(file->fd, &status) && status.st_dev == file->device &&
           status.st_ino == file->inode;
}

void file_write(const struct file *file, const char *text, size_t bytes) {
    if (!is_still(file))
        return;
    while (bytes > 0) {
        long written = raw_syscall(SYS_write, file->fd, (long)text, (long)bytes, 0, 0, 0);
        if (written == -EINTR)
            continue;
        if (written <= 0)
            return;
        text += written;
        bytes -= (size_t)written;
    }
}

void file_close(struct file *file) {
    raw_syscall(SYS_close, file->fd, 0, 0, 0, 0, 0);
    file->fd = -1;
}

bool file_make_absolute(char path[FILE_PATH_BYTES]) {
    char whole[FILE_PATH_BYTES];
    if (path[0] == '/')
        return true;
    long bytes = raw_syscall(SYS_getcwd, (long)whole, sizeof whole, 0, 0, 0, 0); /* with the end */
    size_t rest = strlen(path) + 1;
    if (bytes <= 1 || whole[0] != '/' || (size_t)bytes + rest > sizeof whole)
        return false;
    whole[bytes - 1] = '/';
    memcpy(whole + bytes, path, rest);
    memcpy(path, whole, (size_t)bytes + rest);
    return true;
}
