/* Memory of memtest itself: tables of entries, histograms, logs. It never comes from the allocator
 * under test. */
#pragma once
#include <stddef.h>

/* Maps `bytes` of zeroed memory from the kernel, already faulted in, so that it causes no page
 * fault in the measured region. Never returns NULL: without memory memtest exits with EXIT_USAGE.
 */
void *own_memory(size_t bytes);

/* The same, but pages are faulted in when first written: for tables that are rarely filled. */
void *own_memory_lazy(size_t bytes);

/* Unmaps what own_memory() or own_memory_lazy() returned for `bytes`. */
void own_memory_release(void *memory, size_t bytes);

/* Bytes that own_memory() has mapped: resident memory of the process that is not the allocator's.
 * Memory that will be released again should be lazy, which is not counted. */
size_t own_memory_resident(void);
