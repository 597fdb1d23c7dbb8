/* After fork: who uses which slot, worked out anew. */
#ifndef SLOTMALLOC_REBUILD_H
#define SLOTMALLOC_REBUILD_H

/* Makes the superslabs' bitmaps, their totals and the index anew from `ident` and the lengths of
 * runs and huge blocks, and the superslab lock free. Slots that someone was taking, giving back or
 * purging become unused. The caller is the only thread that takes or gives any. */
void rebuild_superslabs(void);

#endif
