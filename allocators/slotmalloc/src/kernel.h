/* All that slotmalloc asks of the kernel, in raw system calls that leave errno alone.
 *
 * Memory calls are counted by kind, and the option fault_after=N makes the N-th and all later ones
 * fail, so that tests can walk every failure path. */
#ifndef SLOTMALLOC_KERNEL_H
#define SLOTMALLOC_KERNEL_H

#include "types.h"

struct iovec;

enum kernel_call_kind {
#define KERNEL_CALL(name, meaning) KERNEL_##name,
#include "kernel.def"
#undef KERNEL_CALL
    KERNEL_CALL_KINDS
};

struct kernel_count {
    _Atomic uint64_t calls, failed, bytes; /* relaxed: statistics only */
};

extern struct kernel_count kernel_counts[KERNEL_CALL_KINDS];

/* Memory calls still allowed before they fail; negative: no limit. */
extern _Atomic int64_t kernel_fault_after;

/* Reserves `bytes` of zeroed private memory; accessible or (PROT_NONE) not. */
enum status kernel_reserve(size_t bytes, bool accessible, void **out);

/* Gives a reservation up. */
enum status kernel_release(void *p, size_t bytes);

/* Makes part of a PROT_NONE reservation readable and writable. */
enum status kernel_commit(void *p, size_t bytes);

/* Returns the pages to the kernel; they read as zero afterwards. Fails on locked memory. */
enum status kernel_purge(void *p, size_t bytes);

/* The same for several ranges in one call where the kernel can (Linux 6.13). Returns how many of
 * them, from the first on, went back; the others may have, and read as before or as zero. */
unsigned kernel_purge_together(const struct iovec *ranges, unsigned count);

/* Asks for huge pages in the range, or for none. */
enum status kernel_huge_page(void *p, size_t bytes, bool wanted);

/* Has the kernel back the range with memory now. */
enum status kernel_populate(void *p, size_t bytes);

/* Moves pages from one place of the arena to another; the source stays mapped and reads as zero.
 * MOVE_REFUSED: nothing has changed that matters, copy instead. MOVE_BROKEN: the destination may be
 * unmapped now and must not be used again. */
enum move { MOVE_DONE, MOVE_REFUSED, MOVE_BROKEN };
enum move kernel_move(void *from, size_t bytes, void *to);

/* Seconds of the coarse monotonic clock (a vDSO read, no system call). */
uint32_t kernel_seconds(void);

/* Bytes of an OS page. */
size_t kernel_page_size(void);

/* Bytes of memory that the process has now, from /proc; 0 when that cannot be read. */
uint64_t kernel_resident_bytes(void);

/* Sleeps while *word == value; wakes one sleeper. */
void kernel_wait(_Atomic uint32_t *word, uint32_t value);
void kernel_wake(_Atomic uint32_t *word);

/* Opens a file for writing (created, truncated) or reading; negative on failure. */
int kernel_open(const char *path, bool write);
void kernel_close(int fd);

/* Writes all of it, or as much as the kernel takes. Reads up to `bytes`; returns the count or a
 * negative. */
void kernel_write(int fd, const char *text, size_t bytes);
long kernel_read(int fd, char *buffer, size_t bytes);

#endif
