/* Option trace: one line per change of a slot's state. */
#ifndef SLOTMALLOC_TRACE_H
#define SLOTMALLOC_TRACE_H

#include "base/options.h"
#include "base/types.h"

/* Opens the file of the option; called once, after options_init. */
void trace_init(void);

void trace_slot_write(const struct slot *slot, enum slot_state to);

/* Writes "slot N class C FROM -> TO" when the option is on. */
static inline void trace_slot(const struct slot *slot, enum slot_state to) {
    if (unlikely(options.trace))
        trace_slot_write(slot, to);
}

#endif
