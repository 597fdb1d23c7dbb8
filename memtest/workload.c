#include "workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct workload *first;

/* Inserts in the order of names: the order of constructors does not matter. */
void workload_register(struct workload *workload) {
    struct workload **place = &first;
    while (*place && strcmp((*place)->name, workload->name) < 0)
        place = &(*place)->next;
    workload->next = *place;
    *place = workload;
}

struct workload *workload_first(void) {
    return first;
}

struct workload *workload_find(const char *name) {
    struct workload *workload = first;
    while (workload && strcmp(workload->name, name) != 0)
        workload = workload->next;
    return workload;
}

static const struct option_value *value_of(const struct settings *settings, const char *key) {
    const struct option_spec *specs = settings->workload->options;
    for (size_t i = 0; specs && specs[i].key; i++)
        if (strcmp(specs[i].key, key) == 0)
            return &settings->values[i];
    fprintf(stderr, "memtest: %s reads an option \"%s\" that it does not describe\n",
            settings->workload->name, key);
    abort();
}

uint64_t option_number(const struct settings *settings, const char *key) {
    return value_of(settings, key)->number;
}

double option_real(const struct settings *settings, const char *key) {
    return value_of(settings, key)->real;
}

unsigned option_choice(const struct settings *settings, const char *key) {
    return (unsigned)value_of(settings, key)->number;
}

const char *option_text(const struct settings *settings, const char *key) {
    return value_of(settings, key)->text;
}

struct size_range option_size_range(const struct settings *settings) {
    struct size_range range = {option_number(settings, "min_bytes"),
                               option_number(settings, "max_bytes")};
    if (range.min > range.max)
        usage_error("--min_bytes %zu is more than --max_bytes %zu", range.min, range.max);
    return range;
}

void require_threads(struct settings *settings, unsigned threads) {
    const char *name = settings->workload->name;
    if (threads > THREADS_MAX)
        usage_error("%s needs %u threads here, memtest has %d at most", name, threads, THREADS_MAX);
    if (settings->threads != 1 && settings->threads != threads)
        usage_error("--threads %u: %s needs %u here", settings->threads, name, threads);
    settings->threads = threads;
}
