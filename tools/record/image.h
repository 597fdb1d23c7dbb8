/* The raw file of this program image. Forked children inherit its mapping. */
#pragma once
#include "raw.h"

#include <stdbool.h>
#include <stddef.h>

/* Finds the recording, makes the file and maps it; done once, children of a process that failed try
 * again. False, and noted in the ledger, when that cannot be done. */
bool image_begin(void);

/* Gives a piece of the file: zeros that the disk has room for. NULL, and noted, when it has none.
 */
void *image_claim(size_t bytes);

/* Where in the file a piece begins. */
uint64_t image_offset(const void *piece);

/* Gives the page of this process, filled in. `parent` is the one that forked it, NULL after exec.
 */
struct raw_process *image_add_process(const struct raw_process *parent, uint64_t fork_seq);

uint64_t image_now_ns(int clock);
