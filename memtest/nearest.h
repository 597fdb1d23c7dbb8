/* The name that is nearest to a mistyped one. */
#pragma once
#include <stddef.h>

/* Number of single-character insertions, deletions and substitutions between two words (Levenshtein
 * 1966). Only the first 63 characters count. */
size_t edit_distance(const char *a, const char *b);

struct nearest {
    const char *wanted;
    const char *name; /* best so far, NULL before the first */
    size_t distance;
};

/* Keeps `candidate` when it is nearer to `nearest->wanted` than those before it. */
void nearest_consider(struct nearest *nearest, const char *candidate);
