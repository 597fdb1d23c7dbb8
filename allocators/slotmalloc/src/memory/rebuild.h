/* After fork: recomputes which slots are in use. */
#ifndef SLOTMALLOC_REBUILD_H
#define SLOTMALLOC_REBUILD_H

/* Recomputes the superslabs' bitmaps, totals and index from `ident` and the lengths of slot runs
 * and huge blocks, and resets the supply lock. Slots that a thread was taking, giving back or
 * purging become unused. No other thread may take or give slots meanwhile. */
void rebuild_superslabs(void);

#endif
