#define _GNU_SOURCE
#include "memory.h"

#include "exit_codes.h"
#include "writer.h"

#include <stdio.h>
#include <stdlib.h>

void memory_is_exhausted(void) {
    fprintf(stderr, "alloc-record: out of memory\n");
    writer_abandon();
    exit(EXIT_RECORDING);
}

void *memory_allocate(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        memory_is_exhausted();
    return memory;
}

void *memory_resize(void *old, size_t count, size_t size) {
    void *memory = reallocarray(old, count, size);
    if (!memory)
        memory_is_exhausted();
    return memory;
}
