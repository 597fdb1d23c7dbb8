#include "worker.h"

#include "record.h"
#include "run.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* How far `live` may drift from what is published. One thread needs no window: the peak is then
 * exact. Several share a cache line when they publish, so without an observer they do it rarely. */
static int64_t window_of(const struct worker *w) {
    if (w->run->settings->live_path)
        return LIVE_PUBLISH_BYTES;
    return w->run->settings->threads == 1 ? INT64_MAX / 2 : 1 << 20;
}

void worker_publish(struct worker *w) {
    struct live_page *page = w->run->live;
    uint64_t ops = w->mallocs + w->frees + w->reallocs;
    live_add(page, w->live - w->published_live, ops - w->published_ops);
    w->published_live = w->live;
    w->published_ops = ops;
    int64_t window = window_of(w);
    w->live_low = w->live - window;
    w->live_high = w->live + window;
    if (w->run->settings->threads == 1) { /* every new maximum comes here: the peak is exact */
        int64_t peak = atomic_load_explicit(&page->peak_bytes, memory_order_relaxed);
        w->live_high = peak < w->live_high ? peak : w->live_high;
    }
}

void worker_no_memory(struct worker *w, const char *call, size_t size) {
    if (size == 0)
        return;
    fflush(stdout);
    fprintf(stderr,
            "memtest: %s of %zu bytes failed in workload %s, thread %u, after %llu operations\n",
            call, size, w->run->settings->workload->name, w->index,
            (unsigned long long)(w->mallocs + w->frees + w->reallocs));
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
