/* check=full: every block carries canaries and junk, and freed blocks wait in quarantine.
 *
 * A checked block is an ordinary one with 16 bytes more: its last 16 usable bytes hold the
 * requested size and a tag that depends on the address; the bytes between the requested size and
 * these are canaries. */
#ifndef SLOTMALLOC_CHECK_H
#define SLOTMALLOC_CHECK_H

#include "api/block.h"

/* The checked forms of block_alloc, block_free, block_usable and realloc. Corruption ends the
 * process. */
enum status check_alloc(const struct request *request, void **out);
void check_free(void *p);
size_t check_usable(const void *p);
void check_size(const void *p, size_t align,
                size_t bytes); /* what the program passes to free_sized */
enum status check_realloc(void *p, size_t bytes, void **out);

#endif
