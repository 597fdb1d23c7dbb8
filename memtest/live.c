#include "live.h"

#include "exit_codes.h"
#include "own_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIVE_FILE_BYTES = 4096 };

static void *map_file(const char *path) {
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        fprintf(stderr, "memtest: --live-file %s: %s\n", path, strerror(errno));
        exit(EXIT_USAGE);
    }
    if (status.st_size < LIVE_FILE_BYTES) {
        fprintf(stderr,
                "memtest: --live-file %s holds %lld bytes, %d are needed (truncate -s %d FILE)\n",
                path, (long long)status.st_size, LIVE_FILE_BYTES, LIVE_FILE_BYTES);
        exit(EXIT_USAGE);
    }
    void *page = mmap(NULL, LIVE_FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        fprintf(stderr, "memtest: --live-file %s cannot be mapped: %s\n", path, strerror(errno));
        exit(EXIT_USAGE);
    }
    close(fd);
    return page;
}

struct live_page *live_open(const char *path) {
    struct live_page *page = path ? map_file(path) : own_memory(LIVE_FILE_BYTES);
    memset(page, 0, sizeof *page);
    atomic_store_explicit(&page->magic, LIVE_MAGIC, memory_order_relaxed);
    return page;
}

void live_add(struct live_page *page, int64_t bytes, uint64_t ops) {
    int64_t now = atomic_fetch_add_explicit(&page->live_bytes, bytes, memory_order_relaxed) + bytes;
    int64_t peak = atomic_load_explicit(&page->peak_bytes, memory_order_relaxed);
    while (now > peak &&
           !atomic_compare_exchange_weak_explicit(&page->peak_bytes, &peak, now,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
    if (ops)
        atomic_fetch_add_explicit(&page->ops, ops, memory_order_relaxed);
}
