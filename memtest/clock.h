/* Two clocks: nanoseconds for the record, ticks for the latency of single operations. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#if defined(__x86_64__)
#    include <x86intrin.h>
#endif

/* True when ticks come from a counter that the CPU keeps at a constant rate; then the record says
 * "tsc". */
extern bool clock_has_counter;

/* Chooses the tick source: the invariant TSC (CPUID 0x80000007 EDX bit 8) or aarch64's virtual
 * counter where there is one, clock_gettime elsewhere. Cheap; called once. */
void clock_detect(void);

/* Measures the tick against CLOCK_MONOTONIC (spins for 20 ms) and the cost of reading it twice. */
void clock_calibrate(void);

double clock_ns_per_tick(void);

/* The ticks that an empty measurement shows; they are subtracted from latencies. */
uint64_t clock_overhead_ticks(void);

/* "tsc" or "clock_gettime". */
const char *clock_name(void);

static inline uint64_t clock_monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Ticks before the measured operation, after all earlier instructions. */
static inline uint64_t clock_begin(void) {
#if defined(__x86_64__)
    if (clock_has_counter) {
        _mm_lfence();
        uint64_t ticks = __rdtsc();
        _mm_lfence(); /* the operation must not start before the clock is read */
        return ticks;
    }
#elif defined(__aarch64__)
    if (clock_has_counter) {
        uint64_t ticks;
        __asm__ volatile("isb; mrs %0, cntvct_el0; isb" : "=r"(ticks)::"memory");
        return ticks;
    }
#endif
    return clock_monotonic_ns();
}

/* Ticks after the measured operation, before all later instructions. */
static inline uint64_t clock_end(void) {
#if defined(__x86_64__)
    if (clock_has_counter) {
        unsigned cpu;
        uint64_t ticks = __rdtscp(&cpu);
        _mm_lfence();
        return ticks;
    }
#endif
    return clock_begin();
}
