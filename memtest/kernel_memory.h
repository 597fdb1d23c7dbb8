/* What the kernel says about this process's memory. The files are opened once; a reading is plain
 * system calls into a static buffer, so that it takes nothing from the allocator under test. One
 * thread at a time may read. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct resident {
    uint64_t rss_bytes;
    int64_t lazyfree_bytes; /* -1: not read */
};

/* Opens the files. What cannot be opened fails later, when it is to be read. */
void kernel_memory_open(void);

/* Rss from the kernel's counters (statm, some 2 us); false where it cannot be read. */
bool kernel_memory_rss(struct resident *now);

/* Rss and LazyFree by a walk over the page tables (smaps_rollup, some 25 us a MiB). */
bool kernel_memory_walk(struct resident *now);

/* Sets the high-water mark of resident memory to what is resident now. Returns 0 or an errno. */
int kernel_memory_reset_mark(void);

/* The high-water mark (VmHWM); 0 where it cannot be read. */
uint64_t kernel_memory_mark(void);
