#include "arena.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* pidfds of the living peers; returns how many. Entries of `fds` are to be closed. */
static unsigned open_peers(struct shm_arena *a, unsigned me, struct pollfd *fds) {
    unsigned count = 0;
    for (unsigned p = 0; p < a->geometry.max_processes; p++) {
        uint64_t word = atomic_load(&a->processes[p].identity);
        if (word_process_kind(word) != PROCESS_LIVE || TAG_FIRST + p == me ||
            process_is_dead(a, word))
            continue;
        int fd = (int)syscall(SYS_pidfd_open, (pid_t)word_pid(word), 0);
        if (fd >= 0)
            fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    return count;
}

int shm_arena_wait_for_death(struct shm_arena *a, int timeout_ms) {
    int buried = shm_arena_recover(a);
    if (buried)
        return buried;
    struct pollfd *fds = calloc(a->geometry.max_processes, sizeof *fds);
    unsigned me = arena_me(a), count = fds && me ? open_peers(a, me, fds) : 0;
    poll(fds, count, timeout_ms);
    while (count--)
        close(fds[count].fd);
    free(fds);
    return shm_arena_recover(a);
}
