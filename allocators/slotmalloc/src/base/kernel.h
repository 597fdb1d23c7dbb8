/* The kernel calls of slotmalloc: raw system calls, which do not change errno. * * Memory calls are
 * counted by kind. Tests make the N-th and all later ones fail, to reach every error path. */
#ifndef SLOTMALLOC_KERNEL_H
#define SLOTMALLOC_KERNEL_H

#include "base/types.h"

enum kernel_call_kind {
#define KERNEL_CALL(name, meaning) KERNEL_##name,
#include "base/kernel.def"
#undef KERNEL_CALL
    KERNEL_CALL_KINDS
};

struct kernel_count {
    _Atomic uint64_t calls, failed, bytes; /* relaxed: statistics only */
};

extern struct kernel_count kernel_counts[KERNEL_CALL_KINDS];

/* Memory calls still allowed before they fail; negative: no limit. */
extern _Atomic int64_t kernel_fault_after;

/* Maps zeroed private memory at exactly that address. PLACE_OCCUPIED: another mapping is there;
 * other addresses may work. PLACE_REFUSED: the kernel does not map so much. Neither leaves a
 * mapping. */
enum place { PLACE_DONE, PLACE_OCCUPIED, PLACE_REFUSED };
enum place kernel_map(void *at, size_t bytes);

/* The same; replaces what is mapped there. */
enum status kernel_map_over(void *at, size_t bytes);

/* Unmaps it. */
enum status kernel_unmap(void *p, size_t bytes);

/* The smaller of RLIMIT_AS and RLIMIT_DATA as they were at the start; UINT64_MAX is no limit. */
uint64_t kernel_limit_bytes(void);

/* Returns the pages to the kernel; they read as zero afterwards. Fails on locked memory. */
enum status kernel_purge(void *p, size_t bytes);

/* Asks for huge pages in the range, or for none. */
enum status kernel_huge_page(void *p, size_t bytes, bool wanted);

/* Has the kernel hand the pages to forked children as zeros. */
enum status kernel_wipe_on_fork(void *p, size_t bytes);

/* Has the kernel back the range with memory now. */
enum status kernel_populate(void *p, size_t bytes);

/* Moves pages from one place of the arena to another; the source stays mapped and reads as zero.
 * MOVE_REFUSED: nothing relevant has changed; the caller copies instead. MOVE_BROKEN: the
 * destination may be unmapped now and must not be used again. */
enum move { MOVE_DONE, MOVE_REFUSED, MOVE_BROKEN };
enum move kernel_move(void *from, size_t bytes, void *to);

/* Seconds of the coarse monotonic clock, which the vDSO reads without a system call; always 0 where
 * there is no vDSO. */
uint32_t kernel_seconds(void);

/* Bytes of an OS page. */
size_t kernel_page_size(void);

/* Sleeps while *word == value; wakes one sleeper. */
void kernel_wait(_Atomic uint32_t *word, uint32_t value);
void kernel_wake(_Atomic uint32_t *word);

#endif
