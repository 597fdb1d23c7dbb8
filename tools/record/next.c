#define _GNU_SOURCE
#include "next.h"

#include "announce.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct next_functions next;

static _Alignas(16) char bootstrap[64 * 1024];
static size_t bootstrap_used;
static bool resolving;

_Noreturn static void die(const char *line) {
    announce_on_stderr(line);
    abort();
}

void *bootstrap_alloc(size_t size) {
    size_t rounded = (size + 15) & ~(size_t)15;
    if (rounded < size || rounded > sizeof bootstrap - bootstrap_used)
        die("librecord: the dynamic linker allocates more than expected\n");
    void *memory = bootstrap + bootstrap_used;
    bootstrap_used += rounded;
    return memory;
}

bool bootstrap_owns(const void *address) {
    return (uintptr_t)address - (uintptr_t)bootstrap < sizeof bootstrap;
}

void *next_symbol(const char *name) {
    return dlsym(RTLD_NEXT, name);
}

/* Stores a symbol into a function pointer, which ISO C does not convert from void *. */
static void resolve(const char *name, void *function_pointer) {
    void *symbol = next_symbol(name);
    if (!symbol)
        die("librecord: the allocator lacks a standard entry point\n");
    memcpy(function_pointer, &symbol, sizeof symbol);
}

bool next_resolve(void) {
    if (resolving)
        return false;
    resolving = true;
    resolve("calloc", &next.calloc);
    resolve("realloc", &next.realloc);
    resolve("free", &next.free);
    resolve("posix_memalign", &next.posix_memalign);
    resolve("aligned_alloc", &next.aligned_alloc);
    resolve("memalign", &next.memalign);
    resolve("malloc", &next.malloc); /* last: the wrappers test this one */
    resolving = false;
    return true;
}

const void *next_object(const void *address) {
    Dl_info info;
    return address && dladdr(address, &info) ? info.dli_fbase : NULL;
}

bool next_is_passed_by(const char *name) {
    const void *called = dlsym(RTLD_DEFAULT, name);
    return called && next_object(called) != next_object(&next);
}

void next_provider(char *path, size_t size) {
    void *address;
    Dl_info info;
    memcpy(&address, &next.malloc, sizeof address);
    snprintf(path, size, "%s", dladdr(address, &info) ? info.dli_fname : "");
}
