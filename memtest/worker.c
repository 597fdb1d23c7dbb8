#include "worker.h"

void worker_publish(struct worker *w) {
    int64_t live = worker_live(w), freed = w->requested - live;
    uint64_t ops = worker_ops(w);
    live_add(w->live, live - w->published_live, ops - w->published_ops);
    w->published_live = live;
    w->published_ops = ops;
    w->live_limit = live + w->window;
    if (w->threads == 1) { /* every new maximum is published, so that the peak is exact */
        int64_t peak = atomic_load_explicit(&w->live->peak_bytes, memory_order_relaxed);
        w->live_limit = peak < w->live_limit ? peak : w->live_limit;
    }
    w->publish_at = freed + w->live_limit;
    w->publish_low = w->publish_at + w->window;
}
