/* How a worker ends the process when the allocator fails or is wrong. */
#pragma once
#include "worker.h"

/* The allocator returned NULL: one line on stderr, exit with EXIT_NULL. Returns only for size 0,
 * where NULL is legal. */
void worker_no_memory(struct worker *w, const char *call, size_t size);

/* The allocator is wrong: prints {"record":"fault",...} with a sentence (printf style) and exits
 * with EXIT_FAULT. */
__attribute__((format(printf, 2, 3), noreturn)) void worker_fault(struct worker *w,
                                                                  const char *format, ...);
