#include "worker.h"

#include "record.h"
#include "run.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* How far the live bytes may drift from what is published. One thread needs no window: every new
 * maximum is published, and the peak is exact. Several would share a cache line in doing so;
 * without an observer they do it rarely. */
static int64_t window_of(const struct worker *w) {
    if (w->run->settings->live_path)
        return LIVE_PUBLISH_BYTES;
    return w->run->settings->threads == 1 ? INT64_MAX / 4 : 1 << 20;
}

void worker_publish(struct worker *w) {
    struct live_page *page = w->run->live;
    int64_t live = worker_live(w), freed = w->requested - live, window = window_of(w);
    uint64_t ops = worker_ops(w);
    live_add(page, live - w->published_live, ops - w->published_ops);
    w->published_live = live;
    w->published_ops = ops;
    w->live_limit = live + window;
    if (w->run->settings->threads == 1) {
        int64_t peak = atomic_load_explicit(&page->peak_bytes, memory_order_relaxed);
        w->live_limit = peak < w->live_limit ? peak : w->live_limit;
    }
    w->publish_at = freed + w->live_limit;
    w->publish_low = w->publish_at + window;
}

void worker_no_memory(struct worker *w, const char *call, size_t size) {
    if (size == 0)
        return;
    fflush(stdout);
    fprintf(stderr,
            "memtest: %s of %zu bytes failed in workload %s, thread %u, after %llu operations\n",
            call, size, w->run->settings->workload->name, w->index,
            (unsigned long long)(worker_ops(w)));
    _exit(3);
}

void worker_fault(struct worker *w, const char *format, ...) {
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    flockfile(stdout); /* never released: only the first fault is told */
    record_fault(stdout, w, what);
    _exit(4);
}
