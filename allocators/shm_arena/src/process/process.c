#include "process/process.h"

#include "base/back.h"
#include "process/handles.h"
#include "process/presence.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A process is identified by the lock that it holds on its entry, in whatever PID namespace it
 * runs: presence.c. Where it could not lock, it is identified by its pid, the low bits of its start
 * time (the kernel reuses pids), and its PID namespace (a pid of another one means nothing here).
 * All of that is one word, so an entry is taken and described by one compare-and-swap. */

/* Start time in clock ticks since boot: field 22 of /proc/PID/stat (proc(5)); 0 when it cannot be
 * read. */
static uint64_t start_time(uint32_t pid) {
    char path[32], text[512];
    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0)
        return 0;
    text[length] = 0;
    const char *at = strrchr(text, ')'); /* the command name before it may contain anything */
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at, NULL, 10) : 0;
}

static unsigned pid_namespace(void) {
    struct stat status;
    return stat("/proc/self/ns/pid", &status)
               ? 0
               : (unsigned)(status.st_ino ^ status.st_ino >> 16) & 0xffff;
}

static uint64_t my_identity(struct shm_arena *a, bool with_lock) {
    uint32_t pid = (uint32_t)getpid(), number;
    a->pid_namespace = pid_namespace();
    if (with_lock && getrandom(&number, sizeof number, GRND_NONBLOCK) == sizeof number)
        return process_word(PROCESS_PRESENT, pid, a->pid_namespace, number);
    return process_word(PROCESS_LIVE, pid, a->pid_namespace, (uint32_t)start_time(pid));
}

/* Whether no process has this pid, or the one that has it is a zombie. */
static bool pid_is_gone(uint32_t pid) {
    int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    if (fd < 0)
        return errno == ESRCH || (errno != EPERM && kill((pid_t)pid, 0) && errno == ESRCH);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    bool ended = poll(&p, 1, 0) > 0;
    close(fd);
    return ended;
}

bool process_is_near(const struct shm_arena *a, uint64_t identity) {
    unsigned there = identity >> 24 & 0xffff, here = a->pid_namespace;
    return there == here || !there || !here;
}

static bool has_another_start(uint64_t identity) {
    uint64_t now = start_time(word_pid(identity)) & 0xffffff, then = identity & 0xffffff;
    return now && then && now != then;
}

bool process_is_dead(const struct shm_arena *a, unsigned entry, uint64_t identity) {
    if (word_process_kind(identity) == PROCESS_PRESENT) {
        enum presence lock = presence_test(a, entry);
        if (lock != PRESENCE_UNKNOWN)
            return lock == PRESENCE_FREE;
        return process_is_near(a, identity) && pid_is_gone(word_pid(identity));
    }
    if (!process_is_near(a, identity))
        return false; /* unknown: a process in another container counts as alive */
    return !word_pid(identity) || pid_is_gone(word_pid(identity)) || has_another_start(identity);
}

void process_vacate(struct shm_arena *a, unsigned tag) {
    struct lane *lanes = a->lanes_of[tag - TAG_FIRST].lane;
    for (unsigned i = 0; i < LANES; i++) {
#define FOLD(name)                                                                                 \
    atomic_fetch_add_explicit(&a->pool->departed.name,                                             \
                              atomic_exchange_explicit(&lanes[i].name, 0, memory_order_relaxed),   \
                              memory_order_relaxed);
        LANE_COUNTERS(FOLD)
#undef FOLD
    }
    CRASH_POINT();
    atomic_store_explicit(&a->processes[tag - TAG_FIRST].identity, 0, memory_order_release);
}

/* Whether an entry can be taken: a vacant one, or with `of_dead` that of a process that has ended,
 * whose leftovers the caller must then reclaim. */
static bool is_for_taking(const struct shm_arena *a, unsigned p, uint64_t seen, bool of_dead) {
    return of_dead ? word_is_member(seen) && process_is_dead(a, p, seen) : seen == 0;
}

/* Takes the entry p if it is still as seen. Its counters are backed before any process can see that
 * it is taken. */
static int entry_take(struct shm_arena *a, unsigned p, uint64_t seen, uint64_t identity) {
    int error = back_range(a, a->geometry.lanes + p * sizeof(struct process_lanes),
                           sizeof(struct process_lanes));
    if (error)
        return error;
    return atomic_compare_exchange_strong_explicit(&a->processes[p].identity, &seen, identity,
                                                   memory_order_acq_rel, memory_order_relaxed)
               ? SHM_ARENA_OK
               : SHM_ARENA_BUSY;
}

/* Takes an entry, and its lock if there is a descriptor to lock with. BUSY if the lock of an entry
 * that can be taken is still held: a process that detaches vacates the entry before the lock. */
static int entry_find(struct shm_arena *a, int lock_fd, bool of_dead, unsigned *tag) {
    uint64_t identity = my_identity(a, lock_fd >= 0);
    bool locks = word_process_kind(identity) == PROCESS_PRESENT;
    int refusal = SHM_ARENA_TOO_MANY_PROCESSES;
    for (unsigned p = 0; p < a->geometry.max_processes; p++) {
        uint64_t seen = atomic_load_explicit(&a->processes[p].identity, memory_order_relaxed);
        if (!is_for_taking(a, p, seen, of_dead))
            continue;
        if (locks && presence_take(lock_fd, p) != PRESENCE_HELD) {
            refusal = SHM_ARENA_BUSY;
            continue;
        }
        int error = entry_take(a, p, seen, identity);
        *tag = TAG_FIRST + p;
        if (!error)
            return SHM_ARENA_OK;
        if (locks)
            presence_give_up(lock_fd, p);
        if (error != SHM_ARENA_BUSY)
            return error;
    }
    return refusal;
}

/* The same with retries; in the end, if no lock could be taken, without one. */
static int entry_get(struct shm_arena *a, bool of_dead, unsigned *tag) {
    int fd = presence_open(a), error = SHM_ARENA_BUSY;
    for (int tries = 0; error == SHM_ARENA_BUSY && tries < 100; tries++) {
        if (tries)
            sched_yield();
        error = entry_find(a, fd, of_dead, tag);
    }
    bool locked =
        !error && word_process_kind(atomic_load_explicit(&a->processes[*tag - TAG_FIRST].identity,
                                                         memory_order_relaxed)) == PROCESS_PRESENT;
    presence_close(fd);
    if (!locked)
        presence_drop(a);
    return error == SHM_ARENA_BUSY ? entry_find(a, -1, of_dead, tag) : error;
}

/* Joins the pool unless another thread has done so; 0 if it cannot. */
static unsigned join(struct shm_arena *a, bool of_dead) {
    sigset_t before;
    handles_lock(&before);
    unsigned me = atomic_load_explicit(&a->me, memory_order_relaxed);
    if (!me) {
        int error = entry_get(a, of_dead, &me);
        me = error ? 0 : me;
        atomic_store_explicit(&a->refusal, error, memory_order_relaxed);
        atomic_store_explicit(&a->me, me, memory_order_relaxed);
    }
    handles_unlock(&before);
    return me;
}

unsigned process_join(struct shm_arena *a) {
    return join(a, false);
}

unsigned process_join_as_successor(struct shm_arena *a) {
    return join(a, true);
}
