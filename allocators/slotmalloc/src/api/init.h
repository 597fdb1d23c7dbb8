/* Sets the library up: options, arena, hooks. At load, or at the first allocation before that. */
#ifndef SLOTMALLOC_INIT_H
#define SLOTMALLOC_INIT_H

#include "base/library.h"

/* Sets the library up if no other thread has meanwhile. Returns whether it is set up now. */
bool init_library(void);

/* True when the library is set up; sets it up at the first call. */
static inline bool init_ready(void) {
    return likely(library_is_initialised()) || init_library();
}

#endif
