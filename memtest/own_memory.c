#include "own_memory.h"

#include "exit_codes.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static _Atomic size_t resident; /* workers prepare concurrently */

static void *map(size_t bytes, int extra_flags) {
    size_t wanted = bytes ? bytes : 1;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | extra_flags;
    void *memory = mmap(NULL, wanted, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (memory == MAP_FAILED) {
        fprintf(stderr, "memtest: the kernel refused %zu bytes for memtest's own tables\n", bytes);
        exit(EXIT_USAGE);
    }
    return memory;
}

void *own_memory(size_t bytes) {
    atomic_fetch_add_explicit(&resident, bytes, memory_order_relaxed);
    return map(bytes, MAP_POPULATE);
}

void *own_memory_lazy(size_t bytes) {
    return map(bytes, MAP_NORESERVE);
}

void own_memory_release(void *memory, size_t bytes) {
    munmap(memory, bytes ? bytes : 1);
}

size_t own_memory_resident(void) {
    return atomic_load_explicit(&resident, memory_order_relaxed);
}
