#include "help.h"

#include "json.h"
#include "options.h"

static const char *const type_names[] = {
    [OPTION_COUNT] = "count",   [OPTION_BYTES] = "bytes", [OPTION_REAL] = "real",
    [OPTION_CHOICE] = "choice", [OPTION_TEXT] = "text",   [OPTION_FLAG] = "flag",
};

void help_usage(void) {
    fputs("usage: memtest WORKLOAD [--key value ...]   runs a workload; results are JSON lines on "
          "stdout\n"
          "       memtest WORKLOAD --help              teaches a workload\n"
          "       memtest --list                       all workloads and their options, as "
          "JSON\n\nworkloads:\n",
          stderr);
    for (const struct workload *w = workload_first(); w; w = w->next)
        fprintf(stderr, "  %-18s %s\n", w->name, w->summary);
}

static void help_option(const struct option_spec *spec) {
    printf("  --%s %s\n      %s", spec->key,
           spec->type == OPTION_FLAG     ? ""
           : spec->type == OPTION_CHOICE ? spec->choices
                                         : type_names[spec->type],
           spec->help);
    if (spec->type == OPTION_COUNT || spec->type == OPTION_BYTES || spec->type == OPTION_REAL)
        printf(" [%.17g .. %.17g]", spec->min, spec->max);
    if (spec->fallback && spec->fallback[0] && spec->type != OPTION_FLAG)
        printf(" (default %s)", spec->fallback);
    if (!spec->fallback)
        printf(" (required)");
    putchar('\n');
}

void help_workload(const struct workload *w) {
    printf("%s: %s\n\nstresses: %s\nsource:   %s\nrounds:   %u unless --rounds says otherwise\n",
           w->name, w->summary, w->stresses, w->source, w->rounds ? w->rounds : 1);
    if (w->options && w->options[0].key)
        puts("\noptions of this workload:");
    for (const struct option_spec *spec = w->options; spec && spec->key; spec++)
        help_option(spec);
    puts("\noptions of every workload:");
    for (const struct option_spec *spec = common_options; spec->key; spec++)
        help_option(spec);
}

static void list_option(const struct option_spec *spec) {
    bool number = spec->type == OPTION_COUNT || spec->type == OPTION_BYTES;
    struct option_value fallback = option_default(spec);
    printf("{\"key\":\"%s\",\"type\":\"%s\",\"default\":", spec->key, type_names[spec->type]);
    if (!spec->fallback)
        printf("null");
    else if (number)
        printf("%llu", (unsigned long long)fallback.number);
    else if (spec->type == OPTION_REAL)
        printf("%.17g", fallback.real);
    else
        json_string(stdout, spec->fallback);
    if (number || spec->type == OPTION_REAL)
        printf(",\"min\":%.17g,\"max\":%.17g", spec->min, spec->max);
    else
        printf(",\"min\":null,\"max\":null");
    json_text(stdout, "choices", spec->choices);
    json_text(stdout, "help", spec->help);
    putchar('}');
}

void help_list(void) {
    printf("[");
    for (const struct workload *w = workload_first(); w; w = w->next) {
        printf("%s{\"name\":\"%s\"", w == workload_first() ? "" : ",\n", w->name);
        json_text(stdout, "summary", w->summary);
        json_text(stdout, "source", w->source);
        json_text(stdout, "stresses", w->stresses);
        json_number(stdout, "rounds", w->rounds ? w->rounds : 1);
        json_key(stdout, "options");
        putchar('[');
        for (const struct option_spec *spec = w->options; spec && spec->key; spec++) {
            if (spec != w->options)
                putchar(',');
            list_option(spec);
        }
        printf("]}");
    }
    puts("]");
}
