/* Whether the library is set up in this process; api/init.c does that at the first call. */
#ifndef SLOTMALLOC_LIBRARY_H
#define SLOTMALLOC_LIBRARY_H

#include "base/lock.h"

struct library {
    struct lock lock; /* held while the library is being set up */
    _Atomic bool initialised;
};

extern struct library library;

static inline bool library_is_initialised(void) {
    /* acquire: pairs with the release in library_set_initialised */
    return atomic_load_explicit(&library.initialised, memory_order_acquire);
}

static inline void library_set_initialised(void) {
    /* release: pairs with the acquire in library_is_initialised */
    atomic_store_explicit(&library.initialised, true, memory_order_release);
}

#endif
