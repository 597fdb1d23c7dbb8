/* Memory for converting traces. If there is none, these functions print a message and exit with
 * 125. */
#pragma once
#include <stddef.h>

/* Zeroed; a count of 0 allocates 1. */
void *memory_allocate(size_t count, size_t size);

void *memory_resize(void *old, size_t count, size_t size);

_Noreturn void memory_is_exhausted(void);
