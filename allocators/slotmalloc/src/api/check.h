/* check=full: every block carries canaries and junk, and freed blocks wait in quarantine.
 *
 * A checked block is an ordinary one with 16 bytes more: its last 16 usable bytes hold the size
 * asked for and a mark made of the address; the bytes between the size asked for and the mark are
 * canaries. */
#ifndef SLOTMALLOC_CHECK_H
#define SLOTMALLOC_CHECK_H

#include "api/block.h"

/* The checked forms of block_alloc, block_free, block_usable and realloc. Damage ends the process.
 */
enum status check_alloc(const struct request *request, void **out);
void check_free(void *p);
size_t check_usable(const void *p);
void check_size(const void *p, size_t align, size_t bytes); /* what the program says it asked for */
enum status check_realloc(void *p, size_t bytes, void **out);

#endif
