/*
 * Included before the text of every conformance test that is to use slotmalloc by its own names:
 * under the sanitizers and valgrind, which bring a malloc for the rest of the program, and under
 * emulation, where nothing is preloaded.
 */
#ifndef SLOTMALLOC_TESTS_PREFIXED_H
#define SLOTMALLOC_TESTS_PREFIXED_H

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "allocators/slotmalloc/include/slotmalloc.h"

#ifndef LATE_START
/* As in a process whose malloc this is: the first call comes before there are threads. */
__attribute__((constructor)) static void first_allocation(void) {
    slotmalloc_free(slotmalloc_malloc(1));
}
#endif

#define malloc               slotmalloc_malloc
#define free                 slotmalloc_free
#define calloc               slotmalloc_calloc
#define realloc              slotmalloc_realloc
#define reallocarray         slotmalloc_reallocarray
#define posix_memalign       slotmalloc_posix_memalign
#define aligned_alloc        slotmalloc_aligned_alloc
#define memalign             slotmalloc_memalign
#define valloc               slotmalloc_valloc
#define pvalloc              slotmalloc_pvalloc
#define malloc_usable_size   slotmalloc_malloc_usable_size
#define malloc_trim          slotmalloc_malloc_trim
#define mallinfo2()          slotmalloc_mallinfo2()
#define mallinfo()           slotmalloc_mallinfo()
#define malloc_info          slotmalloc_malloc_info
#define mallopt              slotmalloc_mallopt

#define TORTURE_ENTRY_PREFIX "slotmalloc_"

#endif
