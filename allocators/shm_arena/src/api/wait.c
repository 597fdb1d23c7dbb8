#include "process/process.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LOOK_EVERY_MS = 100 }; /* if some peer has no pidfd to poll */

/* Opens pidfds of the living peers, which the caller closes, and returns how many. *unwatched: some
 * peer has none, as it is in another PID namespace or no descriptor was left. */
static unsigned open_peers(struct shm_arena *a, unsigned me, struct pollfd *fds, bool *unwatched) {
    unsigned count = 0;
    for (unsigned p = 0; p < a->geometry.max_processes; p++) {
        uint64_t word = atomic_load(&a->processes[p].identity);
        if (!word_is_member(word) || TAG_FIRST + p == me || process_is_dead(a, p, word))
            continue;
        int fd =
            process_is_near(a, word) ? (int)syscall(SYS_pidfd_open, (pid_t)word_pid(word), 0) : -1;
        if (fd >= 0)
            fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        else
            *unwatched = true;
    }
    return count;
}

/* Sleeps until a peer with a pidfd ends (true), or for at most timeout_ms (-1: no limit). Stores
 * the limit that was used in *slept. */
static bool sleep_on_peers(struct shm_arena *a, struct pollfd *fds, int timeout_ms, int *slept) {
    bool unwatched = false;
    unsigned me = arena_me(a), count = fds && me ? open_peers(a, me, fds, &unwatched) : 0;
    *slept =
        unwatched && (timeout_ms < 0 || timeout_ms > LOOK_EVERY_MS) ? LOOK_EVERY_MS : timeout_ms;
    bool ended = poll(fds, count, *slept) != 0;
    while (count--)
        close(fds[count].fd);
    return ended;
}

int shm_arena_wait_for_death(struct shm_arena *a, int timeout_ms) {
    struct pollfd *fds = calloc(a->geometry.max_processes, sizeof *fds);
    int recovered = shm_arena_recover(a), slept;
    while (!recovered && timeout_ms) {
        bool ended = sleep_on_peers(a, fds, timeout_ms, &slept);
        recovered = shm_arena_recover(a);
        if (ended)
            break;
        timeout_ms -= timeout_ms > 0 ? slept : 0;
    }
    free(fds);
    return recovered;
}
