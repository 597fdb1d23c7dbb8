/* Libraries with one planted fault each, chosen by -DFAULT=...; the harness has to survive all of
 * them.
 *
 *   CRASH    dies in its first malloc
 *   HANG     never returns from its first malloc
 *   OVERLAP  hands out blocks that overlap their neighbours
 *   NOTHING  returns NULL for everything but the smallest blocks
 *   GREEDY   writes to a hundred times the memory that was asked for
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CRASH = 1, HANG, OVERLAP, NOTHING, GREEDY };

/* Blocks are cut from one large reservation and never taken back; a size_t in front of each holds
 * its size. */
static const size_t RESERVED = (size_t)64 << 30;
static _Atomic size_t used;
static char *base;

static void *cut(size_t size) {
    if (!base)
        base = mmap(NULL, RESERVED, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    size_t step = (size + 31) & ~(size_t)15;
    char *block = base + __atomic_fetch_add(&used, step, __ATOMIC_RELAXED) + 16;
    ((size_t *)(void *)block)[-1] = size;
    return block;
}

void *malloc(size_t size) {
    if (FAULT == CRASH)
        __builtin_trap();
    while (FAULT == HANG)
        pause();
    if (FAULT == OVERLAP && size >= 64) {
        char *block = cut(size);
        __atomic_fetch_sub(&used, 32, __ATOMIC_RELAXED);
        return block;
    }
    if (FAULT == NOTHING && size >= 64) {
        errno = ENOMEM;
        return NULL;
    }
    if (FAULT == GREEDY)
        memset(cut(size * 100), 1, size * 100);
    return cut(size);
}

void free(void *block) {
    (void)block;
}

void *calloc(size_t count, size_t size) {
    void *block = malloc(count * size);
    return block ? memset(block, 0, count * size) : NULL;
}

void *realloc(void *old, size_t size) {
    void *block = malloc(size);
    if (block && old) {
        size_t before = ((size_t *)old)[-1];
        memcpy(block, old, before < size ? before : size);
    }
    return block;
}
