/* Drawing from a fixed discrete distribution in constant time: the alias method (Walker 1977; table
 * built as by Vose 1991). */
#pragma once
#include "own_memory.h"
#include "rng.h"

#include <stddef.h>

/* Column i gives i with probability keep[i], otherwise instead[i]. */
struct alias {
    size_t count;
    double *keep;
    uint32_t *instead;
};

/* A table for `count` >= 1 outcomes with these weights, which need not add up to one. */
struct alias alias_new(const double *weight, size_t count);

/* An outcome in [0, count). */
static inline size_t alias_draw(const struct alias *alias, struct rng *rng) {
    size_t column = rng_below(rng, alias->count);
    return rng_unit(rng) < alias->keep[column] ? column : alias->instead[column];
}
