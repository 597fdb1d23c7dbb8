/* An allocator for LD_PRELOAD, to be loaded behind the recorder: passes every call on to glibc and
 * counts it, exactly, in a file of its own for each process image: COUNT_DIR/PID-NUMBER, which
 * survives any death of the process. What the recorder writes must be what arrives here. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *address);

/* In the order of the names in test_record.py. */
enum { MALLOC, CALLOC, ALIGNED, REALLOC, FREE, BYTES };

static _Atomic uint64_t *counters;
static pid_t owner;

static void open_counters(pid_t pid) {
    char path[4096];
    const char *directory = getenv("COUNT_DIR");
    int fd = -1;
    for (int number = 1; fd < 0 && number < 1000; number++) {
        snprintf(path, sizeof path, "%s/%d-%d", directory ? directory : ".", (int)pid, number);
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    }
    if (fd < 0 || ftruncate(fd, 4096) != 0)
        _exit(99);
    counters = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    owner = pid;
}

/* Asks for the process each time: also a child of a raw clone gets counters of its own. */
static void count(int which, size_t bytes) {
    static atomic_flag busy = ATOMIC_FLAG_INIT;
    pid_t pid = getpid();
    if (pid != owner) {
        while (atomic_flag_test_and_set(&busy))
            ;
        if (pid != owner)
            open_counters(pid);
        atomic_flag_clear(&busy);
    }
    counters[which]++;
    counters[BYTES] += bytes;
}

void *malloc(size_t size) {
    count(MALLOC, size);
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count(CALLOC, number * size);
    return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
    count(REALLOC, size);
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
    count(ALIGNED, size);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count(ALIGNED, size);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    count(ALIGNED, size);
    *result = __libc_memalign(alignment, size);
    return *result ? 0 : ENOMEM;
}

void free(void *address) {
    count(FREE, 0);
    __libc_free(address);
}
