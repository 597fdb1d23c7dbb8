/* slotmalloc: a general-purpose memory allocator.
 *
 * Every function exists under its standard name too (malloc, free, ...), so that linking or
 * preloading the library is enough. All are thread-safe. Blocks are aligned to 16 bytes, larger
 * ones of power-of-two size to their size, up to a page and beyond. A pointer that is no block's
 * start, or a block freed twice in a row, ends the process with one line on stderr. fork may be
 * called anywhere, also in a signal handler that interrupted one of these functions. Options are
 * read once from the environment variable SLOTMALLOC=key=value,...; see slotmalloc(3). */
#ifndef SLOTMALLOC_H
#define SLOTMALLOC_H

#include <malloc.h>
#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Allocates `size` bytes, uninitialised; 0 counts as 1. NULL and errno ENOMEM when there is no
 * memory. */
void *slotmalloc_malloc(size_t size);

/* Frees a block; NULL is allowed. errno is not changed. */
void slotmalloc_free(void *p);

/* Allocates `count` * `size` bytes; all of the block's usable size is zero. NULL and ENOMEM when
 * there is no memory or the product overflows. */
void *slotmalloc_calloc(size_t count, size_t size);

/* Resizes a block to `size` bytes, moving it if necessary; all usable bytes that fit are kept.
 * p == NULL allocates; size == 0 frees and returns NULL. NULL and ENOMEM on failure, and the old
 * block stays. */
void *slotmalloc_realloc(void *p, size_t size);

/* realloc to `count` * `size` bytes; fails with ENOMEM when the product overflows. */
void *slotmalloc_reallocarray(void *p, size_t count, size_t size);

/* Allocates `size` bytes at a multiple of `align`, a power of two and a multiple of sizeof(void *).
 * Returns 0 and sets *out, or returns EINVAL or ENOMEM and does not set *out; errno becomes ENOMEM
 * in the second case only. */
int slotmalloc_posix_memalign(void **out, size_t align, size_t size);

/* The same with the result returned. An alignment that is no power of two is rounded up to one, as
 * in glibc (whose aligned_alloc refuses it from 2.38 on). NULL and EINVAL or ENOMEM. */
void *slotmalloc_aligned_alloc(size_t align, size_t size);
void *slotmalloc_memalign(size_t align, size_t size);

/* Page-aligned; pvalloc rounds the size up to whole pages. */
void *slotmalloc_valloc(size_t size);
void *slotmalloc_pvalloc(size_t size);

/* Bytes that may be used from p on, at least what was asked for; 0 for NULL. */
size_t slotmalloc_malloc_usable_size(void *p);

/* C23: free. The size (and alignment) that the block was asked for are ignored, but with check=full
 * wrong ones end the process. */
void slotmalloc_free_sized(void *p, size_t size);
void slotmalloc_free_aligned_sized(void *p, size_t align, size_t size);

/* Gives unused memory back to the kernel, but for `keep` bytes. 1 when any went back, else 0. */
int slotmalloc_malloc_trim(size_t keep);

/* Totals in bytes, as glibc defines them: arena (taken from the kernel's address space), uordblks
 * (in use), fordblks (free, still held), keepcost (unused and releasable). A snapshot while other
 * threads run. */
struct mallinfo2 slotmalloc_mallinfo2(void);

/* The same in ints: what is larger than INT_MAX reads as INT_MAX. */
struct mallinfo slotmalloc_mallinfo(void);

/* Writes the totals, and the free blocks by size class, as XML of glibc's form. 0, or EINVAL when
 * `options` is not 0. */
int slotmalloc_malloc_info(int options, FILE *stream);

/* Accepts what glibc's does, and changes nothing: its parameters tune parts that only glibc's
 * malloc has. 1, or 0 for a value of M_MXFAST that is out of range. */
int slotmalloc_mallopt(int parameter, int value);

/* Writes the totals to stderr. */
void slotmalloc_malloc_stats(void);

/* Writes the counters as one JSON object and a 0 byte into `buffer` of `size` bytes, cut off if it
 * is too small. Returns the bytes that the whole text needs without the 0 byte. */
size_t slotmalloc_stats_json(char *buffer, size_t size);

/* Checks every invariant of the calling thread's heap and of the superslabs: 1 when all hold, else
 * 0 after one line on stderr. Slow; for tests. Other threads may run. */
int slotmalloc_check(void);

#ifdef __cplusplus
}
#endif

#endif
