#include "clock.h"

#if defined(__x86_64__)
#    include <cpuid.h>
#endif

bool clock_has_counter;
static double ns_per_tick = 1.0;
static uint64_t overhead_ticks;

static bool counter_is_invariant(void) {
#if defined(__x86_64__)
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d >> 8 & 1);
#elif defined(__aarch64__)
    return true; /* the architecture promises a constant rate */
#else
    return false;
#endif
}

void clock_detect(void) {
    clock_has_counter = counter_is_invariant();
}

/* The least of many empty measurements: it has the cost of the clock, but no interrupt. */
static uint64_t least_empty_measurement(void) {
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 2000; i++) {
        uint64_t begin = clock_begin();
        uint64_t ticks = clock_end() - begin;
        if (ticks < least)
            least = ticks;
    }
    return least;
}

void clock_calibrate(void) {
    const uint64_t spin_ns = 20 * 1000 * 1000;
    overhead_ticks = least_empty_measurement();
    if (!clock_has_counter)
        return;
    uint64_t ns_start = clock_monotonic_ns(), start = clock_begin(), ns_end;
    do {
        ns_end = clock_monotonic_ns();
    } while (ns_end - ns_start < spin_ns);
    ns_per_tick = (double)(ns_end - ns_start) / (double)(clock_end() - start);
}

double clock_ns_per_tick(void) {
    return ns_per_tick;
}

uint64_t clock_overhead_ticks(void) {
    return overhead_ticks;
}

const char *clock_name(void) {
    return clock_has_counter ? "tsc" : "clock_gettime";
}
