#include "help.h"

#include "json.h"
#include "options.h"
#include "provider.h"

#include <limits.h>

static const char *const type_names[] = {
    [OPTION_COUNT] = "count",   [OPTION_BYTES] = "bytes", [OPTION_REAL] = "real",
    [OPTION_CHOICE] = "choice", [OPTION_TEXT] = "text",   [OPTION_FLAG] = "flag",
};

static bool is_number(const struct option_spec *spec) {
    return spec->type == OPTION_COUNT || spec->type == OPTION_BYTES || spec->type == OPTION_REAL;
}

static unsigned rounds_of(const struct workload *w) {
    return w->rounds ? w->rounds : 1;
}

void help_usage(FILE *out) {
    fputs(
        "usage: memtest WORKLOAD [--key value ...]   runs a workload, prints JSON lines\n"
        "       memtest WORKLOAD --help              explains a workload and its options\n"
        "       memtest --list [--json]              all workloads, what they stress; all options\n"
        "       memtest --version\n"
        "\n"
        "The process is measured with the allocator that it is linked with or that is preloaded.\n"
        "Example: memtest random_mixed --threads 2 --touch page\n"
        "\n"
        "workloads:\n",
        out);
    for (const struct workload *w = workload_first(); w; w = w->next)
        fprintf(out, "  %-18s %s\n", w->name, w->summary);
}

void help_version(void) {
    static char path[PATH_MAX];
    provider_of_malloc(path);
    printf("memtest %s, records of schema 1, malloc of %s\n", ALLOCLAB_VERSION,
           path[0] ? path : "an unknown object");
}

static void help_option(const struct option_spec *spec) {
    printf("  --%s", spec->key);
    if (spec->type != OPTION_FLAG)
        printf(" %s", spec->type == OPTION_CHOICE ? spec->choices : type_names[spec->type]);
    printf("\n      %s", spec->help);
    if (is_number(spec))
        printf(" [%.12g .. %.12g]", spec->min, spec->max);
    if (spec->fallback && spec->fallback[0] && spec->type != OPTION_FLAG)
        printf(" (default %s)", spec->fallback);
    if (!spec->fallback)
        printf(" (required)");
    putchar('\n');
}

void help_workload(const struct workload *w) {
    printf("%s: %s\n\nstresses: %s\nsource:   %s\nrounds:   %u, unless --rounds is given\n",
           w->name, w->summary, w->stresses, w->source, rounds_of(w));
    if (w->smoke)
        printf("try:      memtest %s%s%s\n", w->name, w->smoke[0] ? " " : "", w->smoke);
    if (w->options && w->options[0].key)
        puts("\noptions of this workload (a count may end in k, M, G: 1000, ...; bytes in K, M, G: "
             "1024, ...):");
    for (const struct option_spec *spec = w->options; spec && spec->key; spec++)
        help_option(spec);
    puts("\noptions of every workload:");
    for (const struct option_spec *spec = common_options; spec->key; spec++)
        help_option(spec);
}

void help_list(void) {
    for (const struct workload *w = workload_first(); w; w = w->next) {
        printf("%s: %s\n    stresses  %s\n", w->name, w->summary, w->stresses);
        if (w->smoke)
            printf("    try       memtest %s%s%s\n", w->name, w->smoke[0] ? " " : "", w->smoke);
        if (w->payload)
            puts("    payload   keeps data in its blocks; does not run on the null allocator");
        for (const struct caught_fault *c = w->catches; c < w->catches + CAUGHT_MAX && c->fault;
             c++)
            printf("    catches   %s: %s rises to %g times or more\n", c->fault, c->metric,
                   c->rises);
    }
}

static void list_option(const struct option_spec *spec) {
    struct option_value fallback = option_default(spec);
    printf("{\"key\":\"%s\",\"type\":\"%s\",\"default\":", spec->key, type_names[spec->type]);
    if (!spec->fallback)
        printf("null");
    else if (spec->type == OPTION_REAL)
        printf("%.17g", fallback.real);
    else if (is_number(spec))
        printf("%llu", (unsigned long long)fallback.number);
    else
        json_string(stdout, spec->fallback);
    if (is_number(spec))
        printf(",\"min\":%.17g,\"max\":%.17g", spec->min, spec->max);
    else
        printf(",\"min\":null,\"max\":null");
    json_text(stdout, "choices", spec->choices);
    json_text(stdout, "help", spec->help);
    putchar('}');
}

static void list_options(const struct option_spec *specs) {
    json_key(stdout, "options");
    putchar('[');
    for (const struct option_spec *spec = specs; spec && spec->key; spec++) {
        if (spec != specs)
            putchar(',');
        list_option(spec);
    }
    putchar(']');
}

static void list_catches(const struct workload *w) {
    json_key(stdout, "catches");
    putchar('[');
    for (const struct caught_fault *c = w->catches; c < w->catches + CAUGHT_MAX && c->fault; c++) {
        printf("%s{\"fault\":\"%s\",\"rises\":%g", c == w->catches ? "" : ",", c->fault, c->rises);
        json_text(stdout, "metric", c->metric);
        json_number(stdout, "threads", c->threads ? c->threads : 1);
        json_text(stdout, "options", c->options ? c->options : w->smoke);
        putchar('}');
    }
    putchar(']');
}

void help_list_json(void) {
    printf("{\"version\":\"%s\"", ALLOCLAB_VERSION);
    list_options(common_options);
    printf(",\"workloads\":[");
    for (const struct workload *w = workload_first(); w; w = w->next) {
        printf("%s\n{\"name\":\"%s\"", w == workload_first() ? "" : ",", w->name);
        json_text(stdout, "summary", w->summary);
        json_text(stdout, "source", w->source);
        json_text(stdout, "stresses", w->stresses);
        json_number(stdout, "rounds", rounds_of(w));
        json_text(stdout, "smoke", w->smoke);
        printf(",\"keeps_data\":%s", w->payload ? "true" : "false");
        list_catches(w);
        list_options(w->options);
        putchar('}');
    }
    puts("]}");
}
