/* Memory of memtest itself: tables of entries, histograms, logs. It never comes from the allocator
 * under test. */
#pragma once
#include <stddef.h>

/* Maps `bytes` of zeroed memory straight from the kernel, already faulted in, so that using it
 * later costs no page fault inside the measured region. Never returns NULL: without memory memtest
 * says so and exits with 2. */
void *own_memory(size_t bytes);

/* The same, but pages appear when first written: for logs and tables that are rarely filled. */
void *own_memory_lazy(size_t bytes);

/* Gives back what own_memory() or own_memory_lazy() returned; `bytes` as it was asked for. */
void own_memory_release(void *memory, size_t bytes);

/* Bytes that own_memory() has given out: they are part of the process's resident memory, and no
 * allocator is to blame for them. What is to be released again is better taken lazily, as that is
 * not counted. */
size_t own_memory_resident(void);
