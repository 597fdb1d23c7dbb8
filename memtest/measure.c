#include "measure.h"

#include "clock.h"
#include "threads.h"
#include "workload.h"

static struct round_mark mark_now(const struct measurement *m) {
    struct round_mark mark = {.ns = clock_monotonic_ns()};
    for (unsigned i = 0; i < m->settings->threads; i++) {
        const struct worker *w = &m->workers[i];
        mark.totals.mallocs += worker_mallocs(w);
        mark.totals.frees += w->frees;
        mark.totals.reallocs += w->reallocs;
        mark.totals.requested += (uint64_t)w->requested;
        mark.totals.live += worker_live(w);
    }
    return mark;
}

/* Waits for all workers; the last one runs `action` while the others wait. */
static void meet(struct measurement *m, void (*action)(struct measurement *m)) {
    if (pthread_barrier_wait(&m->barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
        action(m);
    pthread_barrier_wait(&m->barrier);
}

static void start_region(struct measurement *m) {
    if (m->curve)
        curve_begin(m->curve);
    getrusage(RUSAGE_SELF, &m->usage_start);
    m->cpu_start_ns = clock_cpu_ns();
    m->start = mark_now(m);
    atomic_store_explicit(&m->live->start_ns, m->start.ns, memory_order_relaxed);
    atomic_store_explicit(&m->live->own_bytes, own_memory_resident(), memory_order_relaxed);
    atomic_store_explicit(&m->live->phase, LIVE_MEASURED, memory_order_relaxed);
}

static void end_round(struct measurement *m) {
    struct round_mark mark = mark_now(m);
    if (m->rounds_done < ROUNDS_MAX)
        m->marks[m->rounds_done] = mark;
    m->rounds_done++;
    double duration_s = m->settings->duration_s;
    m->over = duration_s > 0 ? (double)(mark.ns - m->start.ns) >= duration_s * 1e9
                             : m->rounds_done >= m->settings->rounds;
}

static void end_region(struct measurement *m) {
    m->end = mark_now(m);
    m->cpu_end_ns = clock_cpu_ns();
    getrusage(RUSAGE_SELF, &m->usage_end);
    if (m->curve)
        curve_end(m->curve);
    atomic_store_explicit(&m->live->phase, LIVE_FREED, memory_order_relaxed);
}

static void *work(void *argument) {
    struct worker *w = argument;
    struct measurement *m = w->measurement;
    const struct workload *workload = m->settings->workload;
    if (workload->entries) {
        w->entry_count = *workload->entries;
        w->entries = entries_new(w->entry_count);
    }
    if (workload->prepare)
        workload->prepare(w);
    meet(m, start_region);
    for (w->round = 0; !m->over; w->round++) {
        workload->round(w);
        worker_publish(w);
        meet(m, end_round);
    }
    if (workload->drain)
        workload->drain(w);
    worker_publish(w);
    meet(m, end_region);
    return NULL;
}

static struct instruments *new_instruments(const struct measurement *m, unsigned index) {
    const struct settings *settings = m->settings;
    struct instruments *in = /* without --latency its histograms are never touched */
        settings->latency ? own_memory(sizeof *in) : own_memory_lazy(sizeof *in);
    in->verify = settings->verify;
    in->latency = settings->latency;
    in->curve = m->curve;
    in->until_publish = 1;
    in->payload = settings->workload->payload;
    in->gaps = rng_seeded(settings->seed, ~(uint64_t)index);
    in->until_sample = 1 + rng_below(&in->gaps, LATENCY_MEAN_GAP);
    return in;
}

/* How far the live bytes may drift from what is published. One thread needs no limit, as it
 * publishes every new maximum. Several would contend for the cache line: unless another process
 * observes it, they publish rarely. */
static int64_t publish_window(const struct settings *settings) {
    if (settings->live_path)
        return LIVE_PUBLISH_BYTES;
    return settings->threads == 1 ? INT64_MAX / 4 : 1 << 20;
}

static void init_worker(struct measurement *m, unsigned index) {
    const struct settings *s = m->settings;
    struct worker *w = &m->workers[index];
    w->touch = s->touch;
    w->instrumented = s->verify || s->latency || s->footprint;
    w->serial = w->serial_base = (uint64_t)index * 0x9e3779u;
    w->rng = rng_seeded(s->seed, index);
    w->index = index;
    w->threads = s->threads;
    w->workload = s->workload->name;
    w->measurement = m;
    w->barrier = &m->barrier;
    w->live = m->live;
    w->window = publish_window(s);
    if (w->instrumented)
        w->instruments = new_instruments(m, index);
    worker_publish(w);
}

void measure(struct measurement *m, struct settings *settings) {
    pthread_t ids[THREADS_MAX];
    *m = (struct measurement){.settings = settings, .live = live_open(settings->live_path)};
    if (settings->footprint)
        m->curve = curve_new(m->live);
    if (settings->workload->setup)
        settings->workload->setup(settings);
    unsigned threads = settings->threads;
    m->workers = own_memory(threads * sizeof *m->workers);
    m->marks = own_memory_lazy(ROUNDS_MAX * sizeof *m->marks);
    pthread_barrier_init(&m->barrier, NULL, threads);
    for (unsigned i = 0; i < threads; i++)
        init_worker(m, i);
    if (threads == 1) {
        work(&m->workers[0]);
        return;
    }
    for (unsigned i = 0; i < threads; i++)
        thread_start(&ids[i], work, &m->workers[i]);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
}

uint64_t measurement_checksum(const struct measurement *m) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < m->settings->threads; i++)
        sum += rng_mix(m->workers[i].checksum);
    return rng_mix(sum);
}
