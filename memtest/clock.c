#include "clock.h"

#if defined(__x86_64__)
#    include <cpuid.h>
#endif

bool clock_has_counter;
static double ns_per_tick = 1.0;
static uint64_t overhead_ticks, quantum_ticks;
static double mean_overhead_ticks;

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

enum { EMPTY_MEASUREMENTS = 20000, INTERRUPTED = 4 };

static uint64_t empty_measurement(void) {
    uint64_t begin = clock_begin();
    return clock_end() - begin;
}

/* The least of many empty measurements: it has the cost of the clock, but no interrupt. */
static uint64_t least_empty_measurement(void) {
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < EMPTY_MEASUREMENTS; i++) {
        uint64_t ticks = empty_measurement();
        if (ticks < least)
            least = ticks;
    }
    return least;
}

/* The mean of many empty measurements. Those longer than INTERRUPTED times the least and a step have
 * met an interrupt and do not count. */
static double mean_empty_measurement(void) {
    uint64_t limit = INTERRUPTED * (overhead_ticks + quantum_ticks), sum = 0, count = 0;
    for (int i = 0; i < EMPTY_MEASUREMENTS; i++) {
        uint64_t ticks = empty_measurement();
        if (ticks <= limit) {
            sum += ticks;
            count++;
        }
    }
    return count ? (double)sum / (double)count : (double)overhead_ticks;
}

/* One read without fences, so that two follow each other as closely as can be. */
static uint64_t read_ticks(void) {
#if defined(__x86_64__)
    if (clock_has_counter)
        return __rdtsc();
#endif
    return clock_begin();
}

static uint64_t least_difference(void) {
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < EMPTY_MEASUREMENTS; i++) {
        uint64_t begin = read_ticks();
        uint64_t ticks = read_ticks() - begin;
        if (ticks > 0 && ticks < least)
            least = ticks;
    }
    return least == UINT64_MAX ? 0 : least;
}

void clock_calibrate(void) {
    const uint64_t spin_ns = 20 * 1000 * 1000;
    overhead_ticks = least_empty_measurement();
    quantum_ticks = least_difference();
    mean_overhead_ticks = mean_empty_measurement();
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

double clock_mean_overhead_ticks(void) {
    return mean_overhead_ticks;
}

double clock_quantum_ns(void) {
    return (double)quantum_ticks * ns_per_tick;
}

const char *clock_name(void) {
    return clock_has_counter ? "tsc" : "clock_gettime";
}
