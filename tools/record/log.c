#define _GNU_SOURCE
#include "log.h"
#include "next.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#    define MADV_POPULATE_WRITE 23 /* Linux 5.14; libc's headers may be older */
#endif

static struct log_process not_started;
struct log_process *log_process = &not_started;
struct log_counter log_counter;
__thread struct log_thread log_self = {.releasing = LOG_NOTHING};

/* Not wiped by fork: a child learns from these whose child it is. */
static struct raw_header *header;
static char directory[3072];
static char own_name[RAW_NAME_BYTES];
static uint64_t span; /* bytes of the mapping */
static uint32_t generations;
static _Atomic bool stopped; /* nothing (more) can be recorded */
static bool has_thread_key;
static pthread_key_t thread_key;

static uint64_t now_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void complain(const char *what) {
    char line[256];
    int length = snprintf(line, sizeof line, "librecord: %s: %s\n", what, strerrorname_np(errno));
    if (write(STDERR_FILENO, line, (size_t)length) < 0)
        return; /* nobody listens; the header counts what is lost */
}

/* Reads a small file of /proc; returns its length. The environment is taken from there because
 * malloc is called before libc has set up its own. */
static size_t read_whole(const char *path, char *buffer, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    ssize_t got;
    while (fd >= 0 && length < size && (got = read(fd, buffer + length, size - length)) > 0)
        length += (size_t)got;
    if (fd >= 0)
        close(fd);
    return length;
}

static bool find_directory(void) {
    static const char name[] = "ALLOC_RECORD_DIR=";
    static char environment[256 * 1024];
    size_t length = read_whole("/proc/self/environ", environment, sizeof environment - 1);
    environment[length] = '\0';
    for (char *word = environment; word < environment + length; word += strlen(word) + 1)
        if (strncmp(word, name, sizeof name - 1) == 0 && strlen(word) < sizeof directory)
            strcpy(directory, word + sizeof name - 1);
    return directory[0] != '\0';
}

/* How much to map: a tebibyte costs nothing while unused, but a limited program keeps most of its
 * address space. */
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
    char path[sizeof directory + sizeof own_name];
    for (unsigned attempt = 1;; attempt++) {
        snprintf(own_name, sizeof own_name, "raw-%d-%u", (int)getpid(), attempt);
        snprintf(path, sizeof path, "%s/%s", directory, own_name);
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
}

/* The descriptor is closed again: a daemon that closes all of its descriptors must not take the
 * file away. */
static bool map_file(int fd) {
    void *memory = MAP_FAILED;
    for (span = wanted_span(); span >= RAW_CHUNK_MAX; span /= 2)
        if (ftruncate(fd, (off_t)span) == 0 &&
            (memory = mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd,
                           0)) != MAP_FAILED)
            break;
    if (memory == MAP_FAILED)
        return false;
    madvise(memory, span, MADV_DONTFORK);
    header = memory;
    return true;
}

static void fill_header(const char *parent) {
    char command[RAW_COMMAND_BYTES];
    header->started_ns = now_ns(CLOCK_REALTIME);
    header->started_monotonic_ns = now_ns(CLOCK_MONOTONIC);
    header->pid = (uint32_t)getpid();
    header->parent_pid = (uint32_t)getppid();
    header->fork_seq =
        parent[0] ? atomic_load_explicit(&log_counter.drawn, memory_order_relaxed) : 0;
    strcpy(header->parent, parent);
    header->command_bytes = (uint32_t)read_whole("/proc/self/cmdline", command, sizeof command);
    memcpy(header->command, command, header->command_bytes);
    next_provider(header->allocator, sizeof header->allocator);
    atomic_store_explicit(&header->claimed, RAW_HEADER_BYTES, memory_order_relaxed);
    header->magic = RAW_MAGIC;
}

static bool start_file(void) {
    char parent[RAW_NAME_BYTES];
    strcpy(parent, own_name); /* "" in an image that was not forked from a recorded one */
    if (!directory[0] && !find_directory()) {
        errno = ENOENT;
        complain("ALLOC_RECORD_DIR is not set, nothing is recorded (start the program with "
                 "alloc-record)");
        return false;
    }
    int fd = create_file();
    if (fd < 0 || !map_file(fd)) {
        complain("cannot make a file in ALLOC_RECORD_DIR, nothing is recorded");
        return false;
    }
    close(fd);
    fill_header(parent);
    return true;
}

static bool make_shared_page(void) {
    if (log_process != &not_started)
        return true; /* inherited: it came as zeros */
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || madvise(page, 4096, MADV_WIPEONFORK) != 0) {
        complain("the kernel has no MADV_WIPEONFORK (Linux 4.14), nothing is recorded");
        return false;
    }
    log_process = page;
    return true;
}

/* Starts the file of this process; one thread does it, others wait. */
static void start_process(void) {
    stopped = stopped || !make_shared_page();
    while (atomic_flag_test_and_set_explicit(&log_process->starting, memory_order_acquire))
        ;
    if (!stopped && atomic_load_explicit(&log_process->generation, memory_order_relaxed) == 0) {
        if (start_file())
            atomic_store_explicit(&log_process->generation, ++generations, memory_order_release);
        else
            stopped = true;
    }
    atomic_flag_clear_explicit(&log_process->starting, memory_order_release);
}

/* Makes the pages of a chunk present and backed by the disk; false when the disk is full, which a
 * later write would answer with SIGBUS. Kernels before 5.14 cannot be asked. */
static bool populate(void *memory, size_t bytes) {
    return madvise(memory, bytes, MADV_POPULATE_WRITE) == 0 || errno == EINVAL;
}

static bool take_chunk(void) {
    size_t bytes = log_self.chunk_bytes;
    uint64_t offset = atomic_fetch_add_explicit(&header->claimed, bytes, memory_order_relaxed);
    if (offset + bytes > span || !populate((char *)header + offset, bytes)) {
        stopped = true;
        complain("no room for the recording (disk full?); events are lost from here on");
        return false;
    }
    uint64_t *chunk = (uint64_t *)((char *)header + offset);
    chunk[1] = now_ns(CLOCK_MONOTONIC);
    atomic_store_explicit((_Atomic uint64_t *)chunk, (uint64_t)log_self.id << 32 | bytes,
                          memory_order_release);
    log_self.next = chunk + RAW_HEAD_WORDS;
    log_self.end = chunk + bytes / sizeof *chunk;
    if (bytes < RAW_CHUNK_MAX)
        log_self.chunk_bytes = bytes * 4;
    return true;
}

static void begin_thread(uint32_t generation) {
    log_self.id = atomic_fetch_add_explicit(&header->threads, 1, memory_order_relaxed) + 1;
    log_self.chunk_bytes = RAW_CHUNK_MIN;
    log_self.generation = generation;
}

static bool refill(void) {
    if (atomic_load_explicit(&log_process->generation, memory_order_acquire) == 0)
        start_process();
    uint32_t generation = atomic_load_explicit(&log_process->generation, memory_order_acquire);
    if (stopped) {
        if (header && generation)
            atomic_fetch_add_explicit(&header->lost, 1, memory_order_relaxed);
        return false;
    }
    bool is_new = log_self.generation != generation;
    if (is_new)
        begin_thread(generation);
    if (!take_chunk()) {
        atomic_fetch_add_explicit(&header->lost, 1, memory_order_relaxed);
        return false;
    }
    if (is_new && has_thread_key)
        pthread_setspecific(thread_key, header); /* may call calloc, which finds the chunk ready */
    return true;
}

bool log_refill(void) {
    int saved = errno;
    bool done = refill();
    errno = saved;
    return done;
}

void log_refused(void) {
    if (header && atomic_load_explicit(&log_process->generation, memory_order_relaxed))
        atomic_fetch_add_explicit(&header->refused, 1, memory_order_relaxed);
}

static void end_thread(void *value) {
    (void)value;
    if (log_self.generation != atomic_load_explicit(&log_process->generation, memory_order_relaxed))
        return; /* forked since, and silent since: there is no file to write to */
    if (!log_has_room() && !log_refill())
        return;
    uint64_t *event = log_self.next;
    log_self.next += raw_words_of(RAW_THREAD_END);
    uint64_t seq = atomic_load_explicit(&log_counter.drawn, memory_order_relaxed);
    event[1] = now_ns(CLOCK_MONOTONIC);
    atomic_store_explicit((_Atomic uint64_t *)event, raw_word(RAW_THREAD_END, 0, seq),
                          memory_order_release);
}

__attribute__((constructor)) static void watch_threads(void) {
    has_thread_key = pthread_key_create(&thread_key, end_thread) == 0;
    if (has_thread_key && log_self.generation)
        pthread_setspecific(thread_key, header);
}

__attribute__((destructor)) static void note_end(void) {
    if (header && atomic_load_explicit(&log_process->generation, memory_order_relaxed))
        header->ended_ns = now_ns(CLOCK_MONOTONIC);
}
