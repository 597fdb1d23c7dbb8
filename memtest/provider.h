/* Which shared object defines malloc in this process: proves that a preload or a link took effect.
 */
#pragma once
#include <stdbool.h>

/* The real path of the object that defines `malloc` as the dynamic linker resolves it here; "" when
 * unknown. Writes into `path`, which holds PATH_MAX bytes. */
void provider_of_malloc(char *path);

/* Whether memtest's calls are served by allocators/reference/null.c: all blocks overlap. */
bool provider_is_null(void);

/* Where that object says that it forwards every call (allocators/reference/slowed.c): the real path
 * of the object that serves them; else "". */
void provider_behind_front(char *path);

/* Calls `each(path, context)` once for every shared object mapped into the process, in the order of
 * the addresses. */
void provider_each_mapped(void (*each)(const char *path, void *context), void *context);
