#include "arena.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A process is known by its pid, the low bits of its start time (pids are used again), and its pid
 * namespace (pids of another one mean nothing here). All three are one word, so an entry is taken
 * and described by one swap. */

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
    const char *at = strrchr(text, ')'); /* the name before may hold anything */
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

static uint64_t my_identity(struct shm_arena *a) {
    uint32_t pid = (uint32_t)getpid();
    a->pid_namespace = pid_namespace();
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

bool process_is_dead(const struct shm_arena *a, uint64_t identity) {
    unsigned there = identity >> 24 & 0xffff, here = a->pid_namespace;
    if (there != here && there && here)
        return false; /* cannot tell: a process in another container counts as alive */
    uint32_t pid = word_pid(identity);
    if (!pid || pid_is_gone(pid))
        return true;
    uint64_t now = start_time(pid) & 0xffffff, then = identity & 0xffffff;
    return now && then && now != then;
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

/* Takes a vacant entry, or in need that of a dead process, whose tag and estate then are the
 * caller's to settle. An entry's counters are backed before anyone can see that it is taken. */
static unsigned entry_take(struct shm_arena *a, uint64_t identity, bool of_dead) {
    int refusal = SHM_ARENA_TOO_MANY_PROCESSES;
    for (unsigned p = 0; p < a->geometry.max_processes && refusal != SHM_ARENA_NO_SPACE; p++) {
        uint64_t seen = atomic_load_explicit(&a->processes[p].identity, memory_order_relaxed);
        if (of_dead ? word_process_kind(seen) != PROCESS_LIVE || !process_is_dead(a, seen)
                    : seen != 0)
            continue;
        int error = back_range(a, a->geometry.lanes + p * sizeof(struct process_lanes),
                               sizeof(struct process_lanes));
        if (error)
            refusal = error;
        else if (atomic_compare_exchange_strong_explicit(&a->processes[p].identity, &seen, identity,
                                                         memory_order_acq_rel,
                                                         memory_order_relaxed))
            return TAG_FIRST + p;
    }
    atomic_store_explicit(&a->refusal, refusal, memory_order_relaxed);
    return 0;
}

unsigned process_join(struct shm_arena *a) {
    handles_lock();
    unsigned me = atomic_load_explicit(&a->me, memory_order_relaxed);
    if (!me) {
        me = entry_take(a, my_identity(a), false);
        atomic_store_explicit(&a->me, me, memory_order_relaxed);
    }
    handles_unlock();
    return me;
}

unsigned process_join_or_inherit(struct shm_arena *a) {
    unsigned me = process_join(a);
    if (me || join_refusal(a) == SHM_ARENA_NO_SPACE || !(me = entry_take(a, my_identity(a), true)))
        return me;
    atomic_store_explicit(&a->me, me, memory_order_relaxed);
    pool_settle_estate(a);
    return me;
}

void process_leave(struct shm_arena *a) {
    unsigned me = atomic_load_explicit(&a->me, memory_order_relaxed);
    if (!me)
        return;
    bool gone[MAX_PROCESSES] = {false};
    gone[me - TAG_FIRST] = true;
    pool_bury(a, gone, false);
    process_vacate(a, me);
}
