#define _GNU_SOURCE
#include "watch.h"

#include "../exit_codes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *map_words(const char *path, uint64_t words) {
    size_t bytes = words ? words * sizeof(uint64_t) : 1;
    void *memory = MAP_FAILED;
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd >= 0 && ftruncate(fd, (off_t)(words * sizeof(uint64_t))) == 0)
        memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        fprintf(stderr, "memtest: %s: %s\n", path, strerror(errno));
        exit(EXIT_USAGE);
    }
    close(fd);
    return memory;
}

void watch_open(struct watch *watch, const char *addresses, const char *curve, uint64_t events) {
    *watch = (struct watch){0};
    if (addresses[0])
        watch->addresses = map_words(addresses, events);
    if (curve[0])
        watch->curve = map_words(curve, events);
    watch->is_on = watch->addresses || watch->curve;
}

static bool receives(const struct replay_step *step) {
    return step->op <= REPLAY_REALLOC || step->op == REPLAY_REALLOC_NULL;
}

void watch_step(struct watch *watch, const struct replay_step *step, const void *address,
                int64_t change) {
    if (watch->addresses && receives(step))
        watch->addresses[step->number] = (uint64_t)(uintptr_t)address;
    int64_t live = atomic_fetch_add_explicit(&watch->live, change, memory_order_relaxed) + change;
    if (watch->curve)
        watch->curve[step->number] = live;
}
