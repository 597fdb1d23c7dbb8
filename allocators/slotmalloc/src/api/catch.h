/* Calls a function that may throw, and catches; the one part in C++. */
#ifndef SLOTMALLOC_CATCH_H
#define SLOTMALLOC_CATCH_H

#include "base/types.h"

/* form(size, align), or NULL when that throws. Both are weak: the first is missing in a build for a
 * machine that there is no C++ compiler for, the second in a process without C++'s runtime. */
void *cxx_caught(void *(*form)(size_t size, size_t align), size_t size, size_t align)
    __attribute__((weak));
void *begin_catch(void *exception) __asm__("__cxa_begin_catch") __attribute__((weak));

#endif
