/*
 * A malloc with planted bugs, to show that the torture finds them: glibc's own by its inner names,
 * but one call in a few hundred does what the environment variable FAULTY names.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

static bool is_due(const char *bug) {
    static _Atomic unsigned long calls;
    const char *wanted = getenv("FAULTY");
    return wanted != NULL && strcmp(wanted, bug) == 0 && atomic_fetch_add(&calls, 1) % 512 == 511;
}

/* What the bug `overlap` gives out again and again. */
static _Alignas(4096) char shared[4096];

/* overlap: one block for all; misaligned: 8 bytes off; null: no memory. */
void *malloc(size_t size) {
    if (size <= sizeof shared && is_due("overlap")) {
        return shared;
    }
    void *block = __libc_malloc(size);
    return size >= 16 && is_due("misaligned") ? (char *)block + 8 : is_due("null") ? NULL : block;
}

size_t malloc_usable_size(void *block) {
    static size_t (*real)(void *);
    if (real == NULL) {
        real = (size_t(*)(void *))(size_t)dlsym(RTLD_NEXT, "malloc_usable_size");
    }
    return block == shared ? sizeof shared : real(block);
}

void free(void *block) {
    if (block != shared) {
        __libc_free(block);
    }
}

/* dirty: one byte of a zeroed block is not zero. */
void *calloc(size_t count, size_t size) {
    unsigned char *block = __libc_calloc(count, size);
    if (block != NULL && count * size > 0 && is_due("dirty")) {
        block[count * size - 1] = 1;
    }
    return block;
}

/* lost: the new block holds nothing of the old one. */
void *realloc(void *old, size_t size) {
    void *block = __libc_realloc(old == shared ? NULL : old, size);
    if (block != NULL && old == shared) {
        memcpy(block, old, size < sizeof shared ? size : sizeof shared);
    }
    if (block != NULL && old != NULL && size > 0 && is_due("lost")) {
        memset(block, 0, size);
    }
    return block;
}
