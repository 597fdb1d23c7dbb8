/* The raw file of this program image. Forked children inherit its mapping. */
#pragma once
#include "raw.h"

#include <stdbool.h>
#include <stddef.h>

/* Finds the recording, creates the file and maps it, once; children of a process that failed try
 * again. False, with a note in the ledger, if it fails. */
bool image_begin(void);

/* Reserves a piece of the file: zeros, backed by the disk. NULL, with a note, if the disk is
 * full. */
void *image_claim(size_t bytes);

/* The offset of a piece in the file. */
uint64_t image_offset(const void *piece);

/* Adds the page of this process. `parent` is the page of the process that forked it, or NULL after
 * exec. */
struct raw_process *image_add_process(const struct raw_process *parent, uint64_t fork_seq);

uint64_t image_now_ns(int clock);
