#include "record.h"

#include "clock.h"
#include "instruments.h"
#include "json.h"
#include "own_memory.h"
#include "provider.h"
#include "workload.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

static double seconds_between(uint64_t from_ns, uint64_t to_ns) {
    return (double)(to_ns - from_ns) * 1e-9;
}

static double seconds_used(struct timeval from, struct timeval to) {
    return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_usec - from.tv_usec) * 1e-6;
}

static uint64_t ops_of(const struct totals *t) {
    return t->mallocs + t->frees + t->reallocs;
}

static void record_round(FILE *out, const struct measurement *m, unsigned round) {
    const struct round_mark *before = round ? &m->marks[round - 1] : &m->start,
                            *after = &m->marks[round];
    fprintf(out, "{\"record\":\"round\",\"round\":%u", round);
    json_seconds(out, "t_s", seconds_between(m->start.ns, after->ns));
    json_seconds(out, "wall_s", seconds_between(before->ns, after->ns));
    json_number(out, "ops", ops_of(&after->totals) - ops_of(&before->totals));
    json_number(out, "mallocs", after->totals.mallocs - before->totals.mallocs);
    json_number(out, "frees", after->totals.frees - before->totals.frees);
    json_number(out, "requested_bytes", after->totals.requested - before->totals.requested);
    json_signed(out, "live_bytes", after->totals.live);
    fputs("}\n", out);
}

static void record_params(FILE *out, const struct settings *settings) {
    const struct option_spec *specs = settings->workload->options;
    json_key(out, "params");
    fputc('{', out);
    for (size_t i = 0; specs && specs[i].key; i++) {
        const struct option_value *value = &settings->values[i];
        fprintf(out, "%s\"%s\":", i ? "," : "", specs[i].key);
        if (specs[i].type == OPTION_REAL)
            fprintf(out, "%.17g", value->real);
        else if (specs[i].type == OPTION_CHOICE || specs[i].type == OPTION_TEXT)
            json_string(out, value->text);
        else
            fprintf(out, "%" PRIu64, value->number);
    }
    fputc('}', out);
}

static void record_counts(FILE *out, const struct measurement *m) {
    const struct totals *t = &m->end.totals;
    const struct rusage *from = &m->usage_start, *to = &m->usage_end;
    json_seconds(out, "wall_s", seconds_between(m->start.ns, m->end.ns));
    json_seconds(out, "cpu_s", seconds_between(m->cpu_start_ns, m->cpu_end_ns));
    json_seconds(out, "user_s", seconds_used(from->ru_utime, to->ru_utime));
    json_seconds(out, "sys_s", seconds_used(from->ru_stime, to->ru_stime));
    json_number(out, "ops", ops_of(t));
    json_number(out, "mallocs", t->mallocs);
    json_number(out, "frees", t->frees);
    json_number(out, "reallocs", t->reallocs);
    json_number(out, "requested_bytes", t->requested);
    json_signed(out, "live_peak_bytes",
                atomic_load_explicit(&m->live->peak_bytes, memory_order_relaxed));
    json_signed(out, "live_end_bytes", t->live);
    json_number(out, "own_bytes", atomic_load_explicit(&m->live->own_bytes, memory_order_relaxed));
    json_signed(out, "minor_faults", to->ru_minflt - from->ru_minflt);
    json_signed(out, "major_faults", to->ru_majflt - from->ru_majflt);
}

struct list {
    FILE *out;
    bool started;
};

static void list_path(const char *path, void *context) {
    struct list *list = context;
    if (list->started)
        fputc(',', list->out);
    list->started = true;
    json_string(list->out, path);
}

static void record_provider(FILE *out) {
    static char path[PATH_MAX];
    provider_of_malloc(path);
    json_key(out, "provider");
    fputs("{\"path\":", out);
    json_string(out, path);
    fputs(",\"symbol\":\"malloc\"", out);
    provider_behind_front(path);
    if (path[0])
        json_text(out, "forwards_to", path);
    fputs(",\"maps\":[", out);
    provider_each_mapped(list_path, &(struct list){out, false});
    fputs("]}", out);
}

/* `unit_ns`: nanoseconds per unit of the histogram's values. */
static void record_histogram(FILE *out, const struct histogram *h, double unit_ns) {
    static const struct {
        const char *name;
        double q;
    } quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};
    fprintf(out, "{\"count\":%" PRIu64, h->count);
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
        fprintf(out, ",\"%s\":%.2f", quantiles[i].name,
                (double)histogram_quantile(h, quantiles[i].q) * unit_ns);
    fprintf(out, ",\"max\":%.2f,\"buckets\":[", (double)h->max * unit_ns);
    const char *comma = "";
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (h->bucket[i]) {
            fprintf(out, "%s[%.2f,%" PRIu64 "]", comma, (double)histogram_upper(i) * unit_ns,
                    h->bucket[i]);
            comma = ",";
        }
    }
    fputs("]}", out);
}

/* The sum over all workers of the histogram at `offset` in their instruments. */
static struct histogram *merged(const struct measurement *m, size_t offset) {
    struct histogram *sum = own_memory(sizeof *sum);
    for (unsigned i = 0; i < m->settings->threads; i++)
        histogram_merge(sum, (const void *)((const char *)m->workers[i].instruments + offset));
    return sum;
}

static void record_latency(FILE *out, const struct measurement *m) {
    json_key(out, "latency");
    if (!m->settings->latency) {
        fputs("null", out);
        return;
    }
    double tick = clock_ns_per_tick(), in_batch = tick / LATENCY_BATCH;
    const struct {
        const char *name;
        size_t offset;
        double unit_ns;
        bool optional; /* left out when it is empty */
    } histograms[] = {
        {"malloc_ns", offsetof(struct instruments, mallocs.single), tick, false},
        {"malloc_ns_batch", offsetof(struct instruments, mallocs.batches), in_batch, true},
        {"free_ns", offsetof(struct instruments, frees.single), tick, false},
        {"free_ns_batch", offsetof(struct instruments, frees.batches), in_batch, true},
        {"request_ns", offsetof(struct instruments, request_ns), 1, true},
    };
    const char *comma = "{";
    for (size_t i = 0; i < sizeof histograms / sizeof *histograms; i++) {
        const struct histogram *sum = merged(m, histograms[i].offset);
        if (histograms[i].optional && !sum->count)
            continue;
        fprintf(out, "%s\"%s\":", comma, histograms[i].name);
        record_histogram(out, sum, histograms[i].unit_ns);
        comma = ",";
    }
    fputc('}', out);
}

/* Of each point: operations, seconds, Rss, LazyFree (-1: not read), live bytes. */
static void record_curve(FILE *out, const struct measurement *m) {
    const struct curve *curve = m->curve;
    json_key(out, "curve");
    fputc('[', out);
    for (unsigned i = 0; i < curve->count; i++) {
        const struct curve_point *point = &curve->points[i];
        uint64_t ns = point->ns > m->start.ns ? point->ns : m->start.ns; /* the first is earlier */
        fprintf(out, "%s[%" PRIu64 ",%.9f,%" PRIu64 ",%" PRId64 ",%" PRId64 "]", i ? "," : "",
                point->ops, seconds_between(m->start.ns, ns), point->memory.rss_bytes,
                point->memory.lazyfree_bytes, point->live_bytes);
    }
    fputc(']', out);
}

/* A string in the place of a value says why there is none. */
static void record_footprint(FILE *out, const struct measurement *m) {
    const struct curve *curve = m->curve;
    if (!curve)
        return;
    json_number(out, "footprint_readings", curve->readings);
    json_seconds(out, "footprint_reading_s", (double)curve->spent_ns * 1e-9);
    if (curve->mark_error || !curve->mark_bytes)
        json_text(out, "rss_high_water_bytes",
                  curve->mark_error ? strerror(curve->mark_error)
                                    : "/proc/self/status has no VmHWM");
    else
        json_number(out, "rss_high_water_bytes", curve->mark_bytes);
    if (curve->unreadable)
        json_text(out, "curve", "/proc/self/smaps_rollup cannot be read");
    else
        record_curve(out, m);
}

void record_measurement(FILE *out, const struct measurement *m) {
    const struct settings *s = m->settings;
    char checksum[17] = "";
    for (unsigned i = 0; i < m->rounds_done && i < ROUNDS_MAX; i++)
        record_round(out, m, i);
    if (s->duration_s == 0) /* with --duration the allocator's speed decides how many rounds fit */
        snprintf(checksum, sizeof checksum, "%016" PRIx64, measurement_checksum(m));
    fputs("{\"record\":\"end\",\"schema\":1", out);
    json_text(out, "workload", s->workload->name);
    record_params(out, s);
    json_number(out, "threads", s->threads);
    json_number(out, "rounds", m->rounds_done);
    json_number(out, "seed", s->seed);
    json_text(out, "touch", s->touch_name);
    json_text(out, "verify", s->verify_name);
    record_counts(out, m);
    json_text(out, "checksum", checksum);
    record_provider(out);
    json_text(out, "clock", clock_name());
    if (s->latency)
        json_seconds(out, "clock_quantum_ns", clock_quantum_ns());
    record_latency(out, m);
    record_footprint(out, m);
    fputs("}\n", out);
    fflush(out);
}
