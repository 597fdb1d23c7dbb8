#include "run.h"

#include "clock.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

unsigned run_threads(const struct run *run) {
    return run->settings->threads;
}

void run_set_threads(struct run *run, unsigned threads) {
    unsigned asked = run->settings->threads;
    if (threads > THREADS_MAX)
        usage_error("%s needs %u threads here, memtest has %d at most",
                    run->settings->workload->name, threads, THREADS_MAX);
    if (asked != 1 && asked != threads)
        usage_error("--threads %u: %s needs %u here", asked, run->settings->workload->name,
                    threads);
    run->settings->threads = threads;
}

uint64_t run_seed(const struct run *run) {
    return run->settings->seed;
}

static const struct option_value *value_of(const struct run *run, const char *key) {
    const struct option_spec *specs = run->settings->workload->options;
    for (size_t i = 0; specs && specs[i].key; i++)
        if (strcmp(specs[i].key, key) == 0)
            return &run->settings->values[i];
    fprintf(stderr, "memtest: %s asks for an option \"%s\" that it does not describe\n",
            run->settings->workload->name, key);
    abort();
}

uint64_t option_number(const struct run *run, const char *key) {
    return value_of(run, key)->number;
}

double option_real(const struct run *run, const char *key) {
    return value_of(run, key)->real;
}

unsigned option_choice(const struct run *run, const char *key) {
    return (unsigned)value_of(run, key)->number;
}

const char *option_text(const struct run *run, const char *key) {
    return value_of(run, key)->text;
}

struct size_range option_size_range(const struct run *run) {
    struct size_range range = {option_number(run, "min_bytes"), option_number(run, "max_bytes")};
    if (range.min > range.max)
        usage_error("--min_bytes %zu is more than --max_bytes %zu", range.min, range.max);
    return range;
}

static struct round_mark mark_now(const struct run *run) {
    struct round_mark mark = {.ns = clock_monotonic_ns()};
    for (unsigned i = 0; i < run->settings->threads; i++) {
        const struct worker *w = &run->workers[i];
        mark.totals.mallocs += worker_mallocs(w);
        mark.totals.frees += w->frees;
        mark.totals.reallocs += w->reallocs;
        mark.totals.requested += (uint64_t)w->requested;
        mark.totals.live += worker_live(w);
    }
    return mark;
}

/* Brings all workers together; the last one to come runs `action` while the others wait. */
static void meet(struct run *run, void (*action)(struct run *run)) {
    if (pthread_barrier_wait(&run->barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
        action(run);
    pthread_barrier_wait(&run->barrier);
}

static void start_region(struct run *run) {
    getrusage(RUSAGE_SELF, &run->usage_start);
    run->start = mark_now(run);
    atomic_store_explicit(&run->live->start_ns, run->start.ns, memory_order_relaxed);
    atomic_store_explicit(&run->live->own_bytes, own_memory_resident(), memory_order_relaxed);
    atomic_store_explicit(&run->live->phase, LIVE_MEASURED, memory_order_relaxed);
}

static void end_round(struct run *run) {
    struct round_mark mark = mark_now(run);
    if (run->rounds_done < ROUNDS_MAX)
        run->marks[run->rounds_done] = mark;
    run->rounds_done++;
    double duration_s = run->settings->duration_s;
    run->over = duration_s > 0 ? (double)(mark.ns - run->start.ns) >= duration_s * 1e9
                               : run->rounds_done >= run->settings->rounds;
}

static void end_region(struct run *run) {
    run->end = mark_now(run);
    getrusage(RUSAGE_SELF, &run->usage_end);
    atomic_store_explicit(&run->live->phase, LIVE_FREED, memory_order_relaxed);
}

static void *work(void *argument) {
    struct worker *w = argument;
    struct run *run = w->run;
    const struct workload *workload = run->settings->workload;
    if (workload->prepare)
        workload->prepare(w);
    meet(run, start_region);
    for (w->round = 0; !run->over; w->round++) {
        workload->round(w);
        worker_publish(w);
        meet(run, end_round);
    }
    if (workload->drain)
        workload->drain(w);
    worker_publish(w);
    meet(run, end_region);
    return NULL;
}

void worker_barrier(struct worker *w) {
    pthread_barrier_wait(&w->run->barrier);
}

static void create_thread(pthread_t *thread, void *(*body)(void *), void *argument) {
    int error = pthread_create(thread, NULL, body, argument);
    if (error) {
        fprintf(stderr, "memtest: no new thread: %s\n", strerror(error));
        exit(2);
    }
}

struct errand {
    struct worker *worker;
    void (*body)(struct worker *w);
};

static void *run_errand(void *argument) {
    const struct errand *errand = argument;
    errand->body(errand->worker);
    return NULL;
}

void worker_in_new_thread(struct worker *w, void (*body)(struct worker *w)) {
    struct errand errand = {w, body};
    pthread_t thread;
    create_thread(&thread, run_errand, &errand);
    pthread_join(thread, NULL);
}

static struct instruments *new_instruments(const struct settings *settings, unsigned index) {
    struct instruments *in = /* without --latency its histograms are never touched */
        settings->latency ? own_memory(sizeof *in) : own_memory_lazy(sizeof *in);
    in->verify = settings->verify;
    in->latency = settings->latency;
    in->payload = settings->workload->payload;
    in->gaps = rng_seeded(settings->seed, ~(uint64_t)index);
    in->until_sample = 1 + rng_below(&in->gaps, LATENCY_MEAN_GAP);
    return in;
}

static void init_worker(struct run *run, unsigned index) {
    const struct settings *s = run->settings;
    struct worker *w = &run->workers[index];
    w->touch = s->touch;
    w->instrumented = s->verify || s->latency;
    w->serial = w->serial_base = (uint64_t)index * 0x9e3779u;
    w->rng = rng_seeded(s->seed, index);
    w->index = index;
    w->run = run;
    if (w->instrumented)
        w->instruments = new_instruments(s, index);
    worker_publish(w);
}

void run_execute(struct run *run, struct settings *settings) {
    pthread_t ids[THREADS_MAX];
    *run = (struct run){.settings = settings, .live = live_open(settings->live_path)};
    if (settings->workload->setup)
        settings->workload->setup(run);
    unsigned threads = settings->threads;
    run->workers = own_memory(threads * sizeof *run->workers);
    run->marks = own_memory_lazy(ROUNDS_MAX * sizeof *run->marks);
    pthread_barrier_init(&run->barrier, NULL, threads);
    for (unsigned i = 0; i < threads; i++)
        init_worker(run, i);
    if (threads == 1) {
        work(&run->workers[0]);
        return;
    }
    for (unsigned i = 0; i < threads; i++)
        create_thread(&ids[i], work, &run->workers[i]);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
}

uint64_t run_checksum(const struct run *run) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < run->settings->threads; i++)
        sum += rng_mix(run->workers[i].checksum);
    return rng_mix(sum);
}
