#include "instruments.h"

#include "account.h"
#include "clock.h"

#include <stdlib.h>

/* Gaps are uniform in [1, 2 * mean - 1], so that sampling is never in phase with a period of the
 * workload. */
static bool sample_is_due(struct instruments *in) {
    if (!in->latency || --in->until_sample > 0)
        return false;
    in->until_sample = rng_between(&in->gaps, 1, 2 * LATENCY_MEAN_GAP - 1);
    return true;
}

static void sample_add(struct latencies *latencies, uint64_t ticks) {
    uint64_t overhead = clock_overhead_ticks();
    histogram_add(&latencies->single, ticks > overhead ? ticks - overhead : 0);
    latencies->sum += ticks;
    if (++latencies->summed < LATENCY_BATCH)
        return;
    double net = (double)latencies->sum - LATENCY_BATCH * clock_mean_overhead_ticks();
    histogram_add(&latencies->batches, net > 0 ? (uint64_t)net : 0);
    latencies->sum = latencies->summed = 0;
}

#define TIMED(w, latencies, call)                                                                  \
    do {                                                                                           \
        if (sample_is_due((w)->instruments)) {                                                     \
            uint64_t begin = clock_begin();                                                        \
            call;                                                                                  \
            sample_add(&(w)->instruments->latencies, clock_end() - begin);                         \
        } else {                                                                                   \
            call;                                                                                  \
        }                                                                                          \
    } while (0)

/* With --footprint: after an operation and the touching of its block. */
static void count_operation(struct worker *w) {
    struct instruments *in = w->instruments;
    if (!in->curve || --in->until_publish > 0)
        return;
    worker_publish(w);
    in->until_publish = curve_advance(in->curve, w->threads);
}

static void check_alignment(struct worker *w, struct block b, size_t alignment, const char *call) {
    if ((uintptr_t)b.at % alignment != 0)
        worker_fault(w, "misaligned: %s of %zu bytes returned %p, which is not a multiple of %zu",
                     call, block_size(b), b.at, alignment);
}

static void check_stamp(struct worker *w, struct block stamped, const void *at, size_t upto,
                        const char *call) {
    const struct instruments *in = w->instruments;
    size_t offset = verify_damage(stamped, at, upto, in->payload, in->verify);
    if (offset != SIZE_MAX)
        worker_fault(w,
                     "lost content: the block of %zu bytes at %p changed at byte %zu before %s (it "
                     "overlaps another block, or the allocator wrote into it)",
                     block_size(stamped), at, offset, call);
}

static struct block receive(struct worker *w, struct block b, size_t alignment, const char *call) {
    const struct instruments *in = w->instruments;
    if (in->verify != VERIFY_NONE)
        check_alignment(w, b, alignment, call);
    if (in->verify != VERIFY_NONE)
        verify_stamp(b, in->payload, in->verify);
    count_operation(w);
    return b;
}

struct block instrumented_malloc(struct worker *w, size_t size) {
    void *at;
    TIMED(w, mallocs, at = malloc(size));
    struct block b = worker_received(w, at, size, OPERATION_MALLOC, "malloc");
    return receive(w, b, verify_natural_alignment(size), "malloc");
}

/* Before anything is written into the block. */
static void check_zeroed(struct worker *w, const void *at, size_t size) {
    size_t offset = verify_not_zero(at, size, w->instruments->verify);
    if (offset != SIZE_MAX)
        worker_fault(w, "not zeroed: calloc of %zu bytes at %p is not zero at byte %zu", size, at,
                     offset);
}

struct block instrumented_calloc(struct worker *w, size_t count, size_t size) {
    void *at;
    TIMED(w, mallocs, at = calloc(count, size));
    if (at && w->instruments->verify != VERIFY_NONE)
        check_zeroed(w, at, count * size);
    struct block b = worker_received(w, at, count * size, OPERATION_CALLOC, "calloc");
    return receive(w, b, verify_natural_alignment(count * size), "calloc");
}

struct block instrumented_memalign(struct worker *w, size_t alignment, size_t size) {
    void *at = NULL;
    int error;
    TIMED(w, mallocs, error = posix_memalign(&at, alignment, size));
    worker_hash(w, OPERATION_MEMALIGN, alignment);
    struct block b =
        worker_received(w, error ? NULL : at, size, OPERATION_MEMALIGN, "posix_memalign");
    return receive(w, b, alignment, "posix_memalign");
}

struct block instrumented_realloc(struct worker *w, struct block old, size_t size) {
    const struct instruments *in = w->instruments;
    void *at;
    if (in->verify != VERIFY_NONE)
        check_stamp(w, old, old.at, SIZE_MAX, "realloc");
    TIMED(w, mallocs, at = realloc(old.at, size));
    struct block b = worker_resized(w, at, old, size);
    if (in->verify != VERIFY_NONE) {
        check_alignment(w, b, verify_natural_alignment(size), "realloc");
        check_stamp(w, old, b.at, size, "use after realloc");
        verify_stamp(b, in->payload, in->verify);
    }
    count_operation(w);
    return b;
}

void instrumented_free(struct worker *w, struct block b) {
    if (w->instruments->verify != VERIFY_NONE)
        check_stamp(w, b, b.at, SIZE_MAX, "free");
    worker_returned(w, b);
    TIMED(w, frees, free(b.at));
    count_operation(w);
}

void worker_request_done(struct worker *w, uint64_t ns) {
    if (w->instrumented && w->instruments->latency)
        histogram_add(&w->instruments->request_ns, ns);
}
