/* Memory for making traces. Without it there is nothing to go on with: these print so and exit with
 * 125. */
#pragma once
#include <stddef.h>

/* Zeroed; a count of 0 is served as 1. */
void *memory_allocate(size_t count, size_t size);

void *memory_resize(void *old, size_t count, size_t size);

_Noreturn void memory_is_exhausted(void);
