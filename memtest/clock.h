/* Three clocks: nanoseconds for the record, the processor time of this process, and ticks for the
 * latency of single operations. */
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

/* Measures the tick against CLOCK_MONOTONIC (spins for 20 ms), its step, and the cost of reading it
 * twice. */
void clock_calibrate(void);

double clock_ns_per_tick(void);

/* The fewest ticks that an empty measurement shows; they are subtracted from single latencies. */
uint64_t clock_overhead_ticks(void);

/* The mean of empty measurements, to be subtracted from means of latencies. A clock that moves in
 * steps measures each operation wrongly by up to a step and their mean rightly, as operations begin
 * anywhere in a step. */
double clock_mean_overhead_ticks(void);

/* The smallest difference of two reads that is not zero: no shorter time can be told from none. */
double clock_quantum_ns(void);

/* "tsc" or "clock_gettime". */
const char *clock_name(void);

static inline uint64_t clock_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t clock_monotonic_ns(void) {
    return clock_ns(CLOCK_MONOTONIC);
}

/* Processor time of all threads as the scheduler counts it, not in ticks of its timer. */
static inline uint64_t clock_cpu_ns(void) {
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
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
