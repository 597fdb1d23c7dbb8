/* Runs: one object in 1 to 32 adjacent slots, for 32 KiB to 2 MiB. No heap owns them: any thread
 * may free. */
#ifndef SLOTMALLOC_SLOT_RUN_H
#define SLOTMALLOC_SLOT_RUN_H

#include "base/types.h"

/* Takes a run of `bytes` (at most RUN_MAX_BYTES), aligned to `align` (at most 2 MiB). Usable
 * are all of its last page. `*zero`: reads as 0. */
enum status run_alloc(struct heap *heap, size_t bytes, size_t align, void **out, bool *zero);

/* Gives it back; `number` is its first slot. */
void run_free(struct heap *heap, uint32_t number);

/* Makes the run hold `bytes` where it is, if it can. */
bool run_resize(uint32_t number, size_t bytes);

#endif
