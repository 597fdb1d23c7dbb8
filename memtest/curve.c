#include "curve.h"

#include "clock.h"
#include "kernel_memory.h"
#include "own_memory.h"

enum { PUBLISH_AT_LATEST = 64 }; /* operations, so that live bytes of other threads are recent */

struct curve *curve_new(struct live_page *live) {
    struct curve *curve = own_memory(sizeof *curve);
    curve->live = live;
    curve->distance = 1;
    pthread_mutex_init(&curve->lock, NULL);
    kernel_memory_open();
    return curve;
}

static uint64_t ops_so_far(const struct curve *curve) {
    return atomic_load_explicit(&curve->live->ops, memory_order_relaxed) - curve->first_ops;
}

static bool read_memory(struct curve *curve, struct resident *now, bool walk) {
    if (!walk && !curve->has_lazyfree)
        return kernel_memory_rss(now);
    if (!kernel_memory_walk(now))
        return false;
    curve->has_lazyfree = now->lazyfree_bytes > 0;
    return true;
}

static void take_point(struct curve *curve, bool walk) {
    struct resident now;
    uint64_t start = clock_monotonic_ns();
    if (!read_memory(curve, &now, walk)) {
        curve->unreadable = true;
        return;
    }
    curve->points[curve->count++] = (struct curve_point){
        .ops = ops_so_far(curve),
        .ns = start,
        .memory = now,
        .live_bytes = atomic_load_explicit(&curve->live->live_bytes, memory_order_relaxed)};
    curve->readings++;
    curve->spent_ns += clock_monotonic_ns() - start;
}

/* Keeps every second point, the first among them. */
static void thin(struct curve *curve) {
    for (unsigned i = 0; 2 * i < curve->count; i++)
        curve->points[i] = curve->points[2 * i];
    curve->count = (curve->count + 1) / 2;
    curve->distance *= 2;
}

static void await_next(struct curve *curve, uint64_t ops) {
    uint64_t next = (ops / curve->distance + 1) * curve->distance;
    atomic_store_explicit(&curve->next_ops, curve->unreadable ? UINT64_MAX : next,
                          memory_order_relaxed);
}

void curve_begin(struct curve *curve) {
    curve->first_ops = atomic_load_explicit(&curve->live->ops, memory_order_relaxed);
    curve->mark_error = kernel_memory_reset_mark();
    take_point(curve, true);
    await_next(curve, 0);
}

static void point_is_due(struct curve *curve) {
    pthread_mutex_lock(&curve->lock);
    uint64_t ops = ops_so_far(curve);
    if (ops >= atomic_load_explicit(&curve->next_ops, memory_order_relaxed)) {
        if (curve->count == CURVE_POINTS)
            thin(curve);
        take_point(curve, curve->count % WALK_EVERY == 0);
        await_next(curve, ops);
    }
    pthread_mutex_unlock(&curve->lock);
}

uint64_t curve_advance(struct curve *curve, unsigned threads) {
    uint64_t next = atomic_load_explicit(&curve->next_ops, memory_order_relaxed);
    if (ops_so_far(curve) >= next) {
        point_is_due(curve);
        next = atomic_load_explicit(&curve->next_ops, memory_order_relaxed);
    }
    uint64_t now = ops_so_far(curve), share = next > now ? (next - now) / threads : 0;
    return share < 1 ? 1 : share > PUBLISH_AT_LATEST ? PUBLISH_AT_LATEST : share;
}

void curve_end(struct curve *curve) {
    take_point(curve, true);
    curve->mark_bytes = kernel_memory_mark();
}
