/* A bump allocator with one planted fault, for LD_PRELOAD: PLANT names the fault, PLANT_AFTER the
 * number of mallocs that are served correctly before it shows. It never reuses memory unless the
 * fault says so; the size of a block is stored in the 16 bytes before it.
 *
 * Faults of content, for test_faults.py: overlap, twice, misaligned, dirty, forgetful, null.
 * Faults of performance, which workloads declare in `.catches`: leak, copy and near are the bump
 * allocator itself (nothing is reused, realloc always copies, neighbours share cache lines);
 * remote_leak reuses only what the allocating thread frees; keep reuses blocks and never returns
 * memory; lock works in each call with a global lock held. Sound counterparts: slow works as long
 * without the lock; apart gives each block its own cache lines; none.
 * Faults of memory, for test_footprint.py: double writes to twice the memory; spike maps 64 MiB once
 * and unmaps them in the same call. */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HEADER = 16 };
static const size_t HEAP = (size_t)1 << 34;

static _Atomic size_t used, served;
static char *_Atomic heap;
static _Atomic(void *) last;

static const char *const faults[] = {
    "overlap",     "twice", "misaligned", "dirty", "forgetful", "null", "leak",   "copy", "near",
    "remote_leak", "keep",  "lock",       "slow",  "apart",     "none", "double", "spike"};

__attribute__((constructor)) static void refuse_unknown_fault(void) {
    const char *plant = getenv("PLANT");
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (plant && strcmp(plant, faults[i]) == 0)
            return;
    fprintf(stderr, "planted.c has no fault %s\n", plant ? plant : "(PLANT is not set)");
    _exit(125);
}

static bool planted(const char *fault) {
    const char *plant = getenv("PLANT"), *after = getenv("PLANT_AFTER");
    return plant && strcmp(plant, fault) == 0 && served > (after ? strtoul(after, NULL, 10) : 0);
}

static char *heap_start(void) {
    char *start = heap, *none = NULL;
    if (start)
        return start;
    start = mmap(NULL, HEAP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                 -1, 0);
    if (start == MAP_FAILED)
        abort();
    return atomic_compare_exchange_strong(&heap, &none, start) ? start : heap;
}

/* "slow" works for a while in each call; "lock" does so with a global lock held. */
static void waste_time(void) {
    static atomic_flag lock = ATOMIC_FLAG_INIT;
    bool locks = planted("lock");
    if (!locks && !planted("slow"))
        return;
    while (locks && atomic_flag_test_and_set_explicit(&lock, memory_order_acquire))
        ;
    for (int i = 0; i < 10000; i++)
        __asm__ volatile("");
    if (locks)
        atomic_flag_clear_explicit(&lock, memory_order_release);
}

/* Memory that is gone before anybody could look. */
static void spike(void) {
    static atomic_flag done = ATOMIC_FLAG_INIT;
    const size_t size = (size_t)64 << 20;
    if (!planted("spike") || atomic_flag_test_and_set(&done))
        return;
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        abort();
    memset(at, 1, size);
    munmap(at, size);
}

/* ---- "remote_leak" and "keep": freed blocks are reused, by powers of two: those that the freeing
 * thread allocated, or all ---- */

struct freed {
    struct freed *next;
};

static size_t thread_number(void) {
    static _Atomic size_t threads;
    static __thread size_t mine;
    return mine ? mine : (mine = ++threads);
}

static unsigned class_of(size_t size) {
    return size <= 16 ? 4 : 64 - (unsigned)__builtin_clzll(size - 1);
}

static __thread struct freed *reusable[64];

static bool reuses(void) {
    return planted("remote_leak") || planted("keep");
}

static void *reuse(size_t size) {
    struct freed *block = reusable[class_of(size)];
    if (block)
        reusable[class_of(size)] = block->next;
    return block;
}

static void store_freed(void *block) {
    size_t head[2];
    memcpy(head, (char *)block - HEADER, HEADER);
    if (planted("remote_leak") && head[1] != thread_number())
        return;
    struct freed *freed = block, **first = &reusable[class_of(head[0])];
    freed->next = *first;
    *first = freed;
}

static void *take(size_t alignment, size_t size) {
    size_t head[2] = {size, thread_number()};
    size_t room = (reuses() ? (size_t)1 << class_of(size) : size) + HEADER +
                  (alignment > HEADER ? alignment : 0);
    size_t offset = atomic_fetch_add(&used, planted("overlap") ? room / 2 & ~(size_t)15
                                                               : (room + 15) & ~(size_t)15);
    uintptr_t at = (uintptr_t)heap_start() + offset + HEADER;
    at = (at + alignment - 1) & ~(uintptr_t)(alignment - 1);
    memcpy((void *)(at - HEADER), head, HEADER);
    return (void *)at;
}

void *malloc(size_t size) {
    served++;
    if (planted("null")) {
        errno = ENOMEM;
        return NULL;
    }
    if (planted("twice") && last)
        return last;
    waste_time();
    spike();
    if (planted("double"))
        memset(take(HEADER, size), 1, size);
    void *block = reuses() ? reuse(size) : NULL;
    if (!block)
        block = take(planted("apart") ? 128 : HEADER, size);
    last = block;
    return planted("misaligned") ? (char *)block + 8 : block;
}

void free(void *block) {
    if (block && reuses())
        store_freed(block);
}

void *calloc(size_t count, size_t size) {
    void *block = malloc(count * size);
    if (block)
        memset(block, planted("dirty") ? 1 : 0, count * size);
    return block;
}

void *realloc(void *old, size_t size) {
    size_t old_size = 0;
    if (old)
        memcpy(&old_size, (char *)old - HEADER, sizeof old_size);
    void *block = malloc(size);
    if (block && old && !planted("forgetful"))
        memcpy(block, old, old_size < size ? old_size : size);
    return block;
}

int posix_memalign(void **block, size_t alignment, size_t size) {
    served++;
    *block = (char *)take(alignment < HEADER ? HEADER : alignment, size) +
             (planted("misaligned") ? HEADER : 0);
    return 0;
}

void *aligned_alloc(size_t alignment, size_t size) {
    void *block;
    return posix_memalign(&block, alignment, size) == 0 ? block : NULL;
}
