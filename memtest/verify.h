/* --verify: stamps and checks of blocks. A stamp is a word computed from the block's address and
 * tag (size and serial number), so that of two live blocks that share a byte of stamped memory at
 * least one shows damage. */
#pragma once
#include "block.h"

enum verify_level { VERIFY_NONE, VERIFY_STAMP, VERIFY_FULL };
#define VERIFY_NAMES "none|stamp|full" /* in this order */

/* Writes the stamp: the first and last 8 bytes after the first `skip` bytes, or with VERIFY_FULL
 * every byte there. */
void verify_stamp(struct block b, size_t skip, enum verify_level level);

/* The offset of the first byte of [0, upto) that no longer holds the stamp; SIZE_MAX when all do.
 * `stamped` is the block as it was stamped, `at` where its content must be now (differs after a
 * realloc). */
size_t verify_damage(struct block stamped, const void *at, size_t upto, size_t skip,
                     enum verify_level level);

/* The alignment that C demands of malloc(size): that of any object that fits, at most 16. */
size_t verify_natural_alignment(size_t size);

/* The offset of the first byte that is not zero, SIZE_MAX when there is none. VERIFY_STAMP examines
 * only both ends. */
size_t verify_not_zero(const void *at, size_t size, enum verify_level level);
