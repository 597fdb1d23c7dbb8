#include "base/kernel.h"

#include <linux/futex.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include "base/syscall.h"

#ifndef MADV_POPULATE_WRITE
#    define MADV_POPULATE_WRITE 23
#endif
#ifndef MREMAP_DONTUNMAP
#    define MREMAP_DONTUNMAP 4
#endif

#define ENOMEM_RESULT (-12L)

struct kernel_count kernel_counts[KERNEL_CALL_KINDS];
_Atomic int64_t kernel_fault_after = -1;

/* True when a test wants this call to fail. */
static bool fault_injected(void) {
    if (likely(atomic_load_explicit(&kernel_fault_after, memory_order_relaxed) < 0))
        return false; /* relaxed: set once at start, only the count matters */
    int64_t left = atomic_fetch_sub_explicit(&kernel_fault_after, 1, memory_order_relaxed);
    if (left > 0)
        return false;
    atomic_store_explicit(&kernel_fault_after, 0, memory_order_relaxed);
    return true;
}

/* Makes one counted memory call. */
static long memory_call(enum kernel_call_kind kind, size_t bytes, long number, const long args[6]) {
    struct kernel_count *count = &kernel_counts[kind];
    long result = fault_injected()
                      ? ENOMEM_RESULT
                      : raw_syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);
    /* relaxed: statistics only */
    atomic_fetch_add_explicit(&count->calls, 1, memory_order_relaxed);
    bool failed = (unsigned long)result > -4096UL;
    if (failed)
        atomic_fetch_add_explicit(&count->failed, 1, memory_order_relaxed);
    else
        atomic_fetch_add_explicit(&count->bytes, bytes, memory_order_relaxed);
    return failed ? -1 : result;
}

static enum status advise(enum kernel_call_kind kind, void *p, size_t bytes, int advice) {
    const long args[6] = {(long)p, (long)bytes, advice};
    return memory_call(kind, bytes, SYS_madvise, args) < 0 ? NO_MEMORY : OK;
}

/* The address is a hint, which replaces no other mapping and which all kernels and emulators
 * support. */
enum place kernel_map(void *at, size_t bytes) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    const long args[6] = {(long)at, (long)bytes, PROT_READ | PROT_WRITE, flags, -1, 0};
    long result = memory_call(KERNEL_map, bytes, SYS_mmap, args);
    if (result < 0)
        return PLACE_REFUSED;
    if (result == (long)at)
        return PLACE_DONE;
    (void)kernel_unmap((void *)result, bytes);
    return PLACE_OCCUPIED;
}

enum status kernel_map_over(void *at, size_t bytes) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    const long args[6] = {(long)at, (long)bytes, PROT_READ | PROT_WRITE, flags, -1, 0};
    return memory_call(KERNEL_repair, bytes, SYS_mmap, args) < 0 ? NO_MEMORY : OK;
}

enum status kernel_unmap(void *p, size_t bytes) {
    const long args[6] = {(long)p, (long)bytes};
    return memory_call(KERNEL_unmap, bytes, SYS_munmap, args) < 0 ? NO_MEMORY : OK;
}

static uint64_t limit_of(int resource) {
    struct rlimit limit;
    bool limited = getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return limited ? limit.rlim_cur : UINT64_MAX;
}

uint64_t kernel_limit_bytes(void) {
    static uint64_t bytes; /* asked for at the start, by one thread */
    if (bytes == 0) {
        uint64_t space = limit_of(RLIMIT_AS), data = limit_of(RLIMIT_DATA);
        bytes = space < data ? space : data;
    }
    return bytes;
}

enum status kernel_purge(void *p, size_t bytes) {
    return advise(KERNEL_purge, p, bytes, MADV_DONTNEED);
}

enum status kernel_huge_page(void *p, size_t bytes, bool wanted) {
    return advise(KERNEL_huge_page, p, bytes, wanted ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

enum status kernel_populate(void *p, size_t bytes) {
    return advise(KERNEL_populate, p, bytes, MADV_POPULATE_WRITE);
}

enum status kernel_wipe_on_fork(void *p, size_t bytes) {
    long result = raw_syscall(SYS_madvise, (long)p, (long)bytes, MADV_WIPEONFORK, 0, 0, 0);
    return result < 0 ? NO_MEMORY : OK; /* not counted: it concerns no memory of the arena */
}

/* The kernel unmaps the destination before it fails: maps it again. */
static enum move move_refused(void *to, size_t bytes) {
    return kernel_map_over(to, bytes) == OK ? MOVE_REFUSED : MOVE_BROKEN;
}

enum move kernel_move(void *from, size_t bytes, void *to) {
    if (kernel_limit_bytes() != UINT64_MAX)
        return MOVE_REFUSED; /* neither the move nor the repair would be certain to succeed */
    int flags = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
    const long args[6] = {(long)from, (long)bytes, (long)bytes, flags, (long)to};
    bool moved = memory_call(KERNEL_move, bytes, SYS_mremap, args) >= 0;
    return moved ? MOVE_DONE : move_refused(to, bytes);
}

uint32_t kernel_seconds(void) {
    struct timespec now;
    if (getauxval(AT_SYSINFO_EHDR) == 0)
        return 0;                                /* no vDSO: it would be a system call */
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now); /* cannot fail; the vDSO leaves errno alone */
    return (uint32_t)now.tv_sec;
}

size_t kernel_page_size(void) {
    static size_t size; /* same value from every thread */
    if (size == 0)
        size = getauxval(AT_PAGESZ);
    return size;
}

void kernel_wait(_Atomic uint32_t *word, uint32_t value) {
    raw_syscall(SYS_futex, (long)word, FUTEX_WAIT_PRIVATE, value, 0, 0, 0);
}

void kernel_wake(_Atomic uint32_t *word) {
    raw_syscall(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}
