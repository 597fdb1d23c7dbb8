#include "nearest.h"

#include <string.h>

enum { LONGEST = 63 };

size_t edit_distance(const char *a, const char *b) {
    size_t row[LONGEST + 1], length_a = strnlen(a, LONGEST), length_b = strnlen(b, LONGEST);
    for (size_t j = 0; j <= length_b; j++)
        row[j] = j;
    for (size_t i = 1; i <= length_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length_b; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[length_b];
}

void nearest_consider(struct nearest *nearest, const char *candidate) {
    size_t distance = edit_distance(nearest->wanted, candidate);
    if (!nearest->name || distance < nearest->distance) {
        nearest->name = candidate;
        nearest->distance = distance;
    }
}
