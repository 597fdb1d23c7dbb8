#define _GNU_SOURCE
#include "image.h"

#include "announce.h"
#include "next.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#    define MADV_POPULATE_WRITE 23 /* Linux 5.14; libc's headers may be older */
#endif

enum { ACCESS_STEP = 1 << 20, PAGE_BYTES = 4096 };

/* The initial stack, where the kernel put argc, argv and the environment: malloc is called before
 * libc has set up its own copies, and /proc may not be mounted. */
extern void *__libc_stack_end;

static struct raw_head *head;
static char directory[3072];
static uint64_t span;               /* bytes of the mapping */
static _Atomic uint64_t accessible; /* the first bytes of it; the rest is PROT_NONE */

uint64_t image_now_ns(int clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static char **initial_arguments(void) {
    return (char **)__libc_stack_end + 1;
}

static char **initial_environment(void) {
    char **word = initial_arguments();
    while (*word)
        word++;
    return word + 1;
}

/* A set-user-id program must not use its caller's environment. */
static bool find_directory(void) {
    static const char name[] = "ALLOC_RECORD_DIR=";
    if (getauxval(AT_SECURE))
        return false;
    for (char **word = initial_environment(); *word; word++)
        if (strncmp(*word, name, sizeof name - 1) == 0 && strlen(*word) < sizeof directory)
            strcpy(directory, *word + sizeof name - 1);
    return directory[0] != '\0';
}

/* How much to map: a tebibyte, which costs nothing while unused, or an eighth of a limit on address
 * space; and at most RLIMIT_FSIZE, beyond which ftruncate would raise SIGXFSZ. */
static uint64_t wanted_span(void) {
    struct rlimit limit;
    uint64_t bytes = (uint64_t)1 << 40;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur / 8 < bytes)
        bytes = limit.rlim_cur / 8;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < bytes)
        bytes = limit.rlim_cur;
    return bytes / RAW_CHUNK_MAX * RAW_CHUNK_MAX;
}

static int create_file(void) {
    char path[sizeof directory + 64];
    for (unsigned attempt = 1;; attempt++) {
        snprintf(path, sizeof path, "%s/raw-%d-%u", directory, (int)getpid(), attempt);
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
}

/* Without access: mlockall would allocate all accessible pages. */
static void *map_file(int fd) {
    void *memory = MAP_FAILED;
    for (span = wanted_span(); span >= RAW_CHUNK_MAX; span /= 2)
        if (ftruncate(fd, (off_t)span) == 0 &&
            (memory = mmap(NULL, span, PROT_NONE, MAP_SHARED | MAP_NORESERVE, fd, 0)) != MAP_FAILED)
            break;
    return memory == MAP_FAILED ? NULL : memory;
}

/* Makes the file accessible up to `end`, in few, growing steps. Concurrent threads at worst repeat
 * the same call (relaxed). */
static bool allow_access(uint64_t end) {
    if (end <= atomic_load_explicit(&accessible, memory_order_relaxed))
        return true;
    uint64_t upto = ACCESS_STEP;
    while (upto < end)
        upto *= 2;
    if (upto > span)
        upto = span;
    if (mprotect(head, upto, PROT_READ | PROT_WRITE) != 0)
        return false;
    atomic_store_explicit(&accessible, upto, memory_order_relaxed);
    return true;
}

/* For kernels before 5.14: lets the kernel write the time into each page. That fails with an error
 * where a store would raise SIGBUS. */
static bool probe(char *memory, size_t bytes) {
    for (size_t i = 0; i < bytes; i += PAGE_BYTES) {
        if (syscall(SYS_clock_gettime, CLOCK_MONOTONIC, memory + i) != 0)
            return false;
        memset(memory + i, 0, sizeof(struct timespec));
    }
    return true;
}

/* Makes pages present and backed by the disk; false when the disk is full. */
static bool populate(char *memory, size_t bytes) {
    if (madvise(memory, bytes, MADV_POPULATE_WRITE) == 0)
        return true;
    return errno != EFAULT && errno != ENOMEM && probe(memory, bytes);
}

static bool begin_head(void *memory) {
    head = memory;
    atomic_store_explicit(&accessible, 0, memory_order_relaxed);
    if (!allow_access(RAW_HEAD_BYTES) || !populate(memory, RAW_HEAD_BYTES)) {
        announce_failure(LEDGER_DISK, 0);
        munmap(memory, span);
        head = NULL;
        return false;
    }
    atomic_store_explicit(&head->claimed, RAW_HEAD_BYTES,
                          memory_order_relaxed); /* no other thread yet */
    head->magic = RAW_MAGIC;
    return true;
}

/* The descriptor is closed: the mapping survives a daemon that closes all its descriptors, and no
 * later file of the program can be mistaken for this one. */
static bool make_file(void) {
    int fd = create_file();
    if (fd < 0) {
        announce_failure(LEDGER_CREATE, errno);
        return false;
    }
    errno = 0;
    void *memory = map_file(fd);
    int error = errno;
    close(fd);
    if (!memory) {
        announce_failure(error ? LEDGER_MAP : LEDGER_LIMIT, error);
        return false;
    }
    return begin_head(memory);
}

bool image_begin(void) {
    if (head)
        return true;
    if ((!directory[0] && !find_directory()) || !announce_open(directory)) {
        if (!directory[0])
            announce_on_stderr(
                "librecord: nothing is recorded: ALLOC_RECORD_DIR is not set (start the "
                "program with alloc-record)\n");
        return false;
    }
    bool has_file = make_file();
    announce_image(has_file);
    return has_file;
}

void *image_claim(size_t bytes) {
    /* relaxed: only the sum matters, the pieces do not overlap */
    uint64_t offset = atomic_fetch_add_explicit(&head->claimed, bytes, memory_order_relaxed);
    char *piece = (char *)head + offset;
    if (offset + bytes > span) {
        announce_failure(LEDGER_SPAN, 0);
        return NULL;
    }
    if (!allow_access(offset + bytes)) {
        announce_failure(LEDGER_MAP, errno);
        return NULL;
    }
    if (!populate(piece, bytes)) {
        announce_failure(LEDGER_DISK, 0);
        return NULL;
    }
    return piece;
}

uint64_t image_offset(const void *piece) {
    return (uint64_t)((const char *)piece - (const char *)head);
}

static void fill_command(struct raw_process *process) {
    for (char **word = initial_arguments(); *word; word++) {
        size_t room = sizeof process->command - process->command_bytes;
        size_t length = strnlen(*word, room);
        memcpy(process->command + process->command_bytes, *word, length);
        process->command_bytes += (uint32_t)(length < room ? length + 1 : length);
    }
}

struct raw_process *image_add_process(const struct raw_process *parent, uint64_t fork_seq) {
    struct raw_process *process = image_claim(RAW_PROCESS_BYTES);
    if (!process)
        return NULL;
    process->started_ns = image_now_ns(CLOCK_REALTIME);
    process->started_monotonic_ns = image_now_ns(CLOCK_MONOTONIC);
    process->pid = (uint32_t)getpid();
    process->parent_pid = (uint32_t)getppid();
    if (parent) { /* the process may have overwritten its arguments with a title */
        process->fork_seq = fork_seq;
        process->parent = image_offset(parent);
        process->command_bytes = parent->command_bytes;
        memcpy(process->command, parent->command, sizeof process->command);
    } else {
        fill_command(process);
    }
    next_provider(process->allocator, sizeof process->allocator);
    /* release: who sees the piece's head sees what is in it */
    atomic_store_explicit(&process->head, RAW_PROCESS_BYTES, memory_order_release);
    return process;
}
