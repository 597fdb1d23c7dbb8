/*
 * The shadow map: one bit for every 8 bytes of address space, set while a live block owns them.
 * Two blocks that overlap by a single byte cannot both claim their bits.
 */
#ifndef TORTURE_SHADOW_H
#define TORTURE_SHADOW_H

#include <stdbool.h>
#include <stddef.h>

/* Claims the bytes for a block; false when some of them belong to another one. Any thread. */
bool shadow_claim(const void *start, size_t bytes);

/* Gives them back, before the block is freed; false when some were not claimed. Any thread. */
bool shadow_release(const void *start, size_t bytes);

#endif
