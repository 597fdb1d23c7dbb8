#include "base/arena.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* One byte of data carries one descriptor as ancillary data: unix(7), SCM_RIGHTS. */

union control {
    struct cmsghdr header; /* for its alignment */
    char space[CMSG_SPACE(sizeof(int))];
};

int shm_arena_send(const struct shm_arena *a, int unix_socket) {
    if (!file_is_same(a->fd, &a->file)) {
        errno = EBADF; /* the program closed it, and its number may be another file's now */
        return SHM_ARENA_SYSTEM;
    }
    char byte = 'A';
    union control control = {.space = {0}};
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    *head = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(head), &a->fd, sizeof(int));
    ssize_t sent;
    do
        sent = sendmsg(unix_socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == 1 ? SHM_ARENA_OK : SHM_ARENA_SYSTEM;
}

int shm_arena_receive(int unix_socket, unsigned flags, struct shm_arena **arena) {
    char byte;
    union control control;
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t got;
    do
        got = recvmsg(unix_socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    struct cmsghdr *head = got == 1 ? CMSG_FIRSTHDR(&message) : NULL;
    if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS ||
        head->cmsg_len != CMSG_LEN(sizeof(int)))
        return got < 0 ? SHM_ARENA_SYSTEM : SHM_ARENA_NOT_A_POOL;
    int fd;
    memcpy(&fd, CMSG_DATA(head), sizeof fd);
    int error = shm_arena_attach_fd(fd, flags, arena);
    close(fd);
    return error;
}
