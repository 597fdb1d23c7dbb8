/* Slot runs: one block in 1 to 32 adjacent slots, for 32 KiB to 2 MiB. No heap owns them: any
 * thread may free. */
#ifndef SLOTMALLOC_SLOT_RUN_H
#define SLOTMALLOC_SLOT_RUN_H

#include "base/types.h"

/* Takes a slot run of `bytes` (at most SLOT_RUN_MAX_BYTES), aligned to `align` (at most 2 MiB). Its
 * last page is usable as a whole. `*zero`: reads as 0. */
enum status slot_run_alloc(struct heap *heap, size_t bytes, size_t align, void **out, bool *zero);

/* Frees it; `number` is its first slot. */
void slot_run_free(struct heap *heap, uint32_t number);

/* Resizes the slot run to `bytes` in place, if possible. */
bool slot_run_resize(uint32_t number, size_t bytes);

#endif
