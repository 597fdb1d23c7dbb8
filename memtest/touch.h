/* --touch: what is written into a new block. */
#pragma once
#include <stddef.h>

enum touch { TOUCH_NONE, TOUCH_FIRST, TOUCH_PAGE, TOUCH_ALL };
#define TOUCH_NAMES "none|first|page|all" /* in this order */

/* Writes into bytes [from, size) at `at`: the first one, one in each 4096 and the last one, or all.
 */
void touch_range(void *at, size_t from, size_t size, enum touch touch);
