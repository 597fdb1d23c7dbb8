#include "alias.h"

static double total_of(const double *weight, size_t count) {
    double total = 0;
    for (size_t i = 0; i < count; i++)
        total += weight[i];
    return total;
}

/* Each column with less than the mean weight is filled up from one with more. */
struct alias alias_new(const double *weight, size_t count) {
    struct alias alias = {count, own_memory(count * sizeof(double)),
                          own_memory(count * sizeof(uint32_t))};
    uint32_t *small = own_memory_lazy(count * sizeof *small),
             *large = own_memory_lazy(count * sizeof *large);
    size_t smalls = 0, larges = 0;
    double total = total_of(weight, count);
    for (uint32_t i = 0; i < count; i++) {
        alias.keep[i] = weight[i] * (double)count / total;
        alias.instead[i] = i;
        if (alias.keep[i] < 1)
            small[smalls++] = i;
        else
            large[larges++] = i;
    }
    while (smalls && larges) {
        uint32_t poor = small[--smalls], rich = large[larges - 1];
        alias.instead[poor] = rich;
        alias.keep[rich] -= 1 - alias.keep[poor];
        if (alias.keep[rich] < 1) {
            small[smalls++] = rich;
            larges--;
        }
    }
    while (smalls) /* left by rounding: full columns */
        alias.keep[small[--smalls]] = 1;
    own_memory_release(small, count * sizeof *small);
    own_memory_release(large, count * sizeof *large);
    return alias;
}
