#include "options.h"

#include "nearest.h"
#include "provider.h"
#include "value.h"
#include "workload.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { COMMON_MAX = 16, COMMON_BASE = 1000, HELP = 999 };

enum {
    THREADS,
    ROUNDS,
    SEED,
    TOUCH,
    VERIFY,
    DURATION,
    LATENCY,
    FOOTPRINT,
    LIVE_FILE,
    LINGER,
    SCALE
};

const struct option_spec common_options[] = {
    [THREADS] = {.key = "threads",
                 .type = OPTION_COUNT,
                 .fallback = "1",
                 .min = 1,
                 .max = THREADS_MAX,
                 .help = "worker threads; 1 runs in the main thread of a single-threaded process"},
    [ROUNDS] = {.key = "rounds",
                .type = OPTION_COUNT,
                .fallback = "0",
                .min = 0,
                .max = ROUNDS_MAX,
                .help =
                    "how often the workload's round is repeated; 0: as often as the workload says"},
    [SEED] =
        {.key = "seed",
         .type = OPTION_COUNT,
         .fallback = "1",
         .min = 0,
         .max = 0x1p64,
         .help =
             "start of the random numbers; equal seeds give equal operations on every allocator"},
    [TOUCH] = {.key = "touch",
               .type = OPTION_CHOICE,
               .fallback = "none",
               .choices = TOUCH_NAMES,
               .help = "write into each new block: nothing, its first byte, one byte a page, all "
                       "bytes"},
    [VERIFY] = {.key = "verify",
                .type = OPTION_CHOICE,
                .fallback = "none",
                .choices = VERIFY_NAMES,
                .help = "check that a block keeps its content until it is freed: not, both ends, "
                        "every byte"},
    [DURATION] =
        {.key = "duration",
         .type = OPTION_REAL,
         .fallback = "0",
         .min = 0,
         .max = 1e6,
         .help = "seconds in which rounds are started, instead of a number of rounds; 0 is off"},
    [LATENCY] = {.key = "latency",
                 .type = OPTION_FLAG,
                 .fallback = "0",
                 .help = "time single operations, one in 16 at random gaps"},
    [FOOTPRINT] =
        {.key = "footprint",
         .type = OPTION_FLAG,
         .fallback = "0",
         .help = "read resident memory after each 128th to 64th part of the operations, and the "
                 "kernel's high-water mark"},
    [LIVE_FILE] =
        {.key = "live-file",
         .type = OPTION_TEXT,
         .fallback = "",
         .help =
             "existing file of 4096 bytes that is kept up to date: phase, live bytes, operations"},
    [LINGER] = {.key = "linger",
                .type = OPTION_REAL,
                .fallback = "0",
                .min = 0,
                .max = 1e6,
                .help = "seconds to stay alive after the last free"},
    [SCALE] = {.key = "scale",
               .type = OPTION_REAL,
               .fallback = "1",
               .min = 1e-6,
               .max = 1e6,
               .help = "multiplies the workload's iteration counts and its own number of "
                       "rounds, not its memory"},
    {.key = NULL},
};

static size_t count_options(const struct option_spec *specs) {
    size_t count = 0;
    while (specs && specs[count].key)
        count++;
    return count;
}

/* getopt's table: the common options, the workload's, --help. */
static void build_table(const struct workload *workload, struct option *table) {
    for (size_t i = 0; common_options[i].key; i++)
        *table++ =
            (struct option){common_options[i].key,
                            common_options[i].type == OPTION_FLAG ? no_argument : required_argument,
                            NULL, COMMON_BASE + (int)i};
    for (size_t i = 0; i < count_options(workload->options); i++)
        *table++ = (struct option){workload->options[i].key,
                                   workload->options[i].type == OPTION_FLAG ? no_argument
                                                                            : required_argument,
                                   NULL, (int)i + 1};
    *table++ = (struct option){"help", no_argument, NULL, HELP};
    *table = (struct option){0};
}

__attribute__((noreturn)) static void
unknown_key(const struct workload *workload, const struct option *table, const char *argument) {
    char typed[64];
    snprintf(typed, sizeof typed, "%.*s", (int)strcspn(argument, "="), argument);
    struct nearest nearest = {.wanted = typed + strspn(typed, "-")};
    for (size_t i = 0; table[i].name; i++)
        nearest_consider(&nearest, table[i].name);
    usage_error("%s does not know %s; nearest is --%s (memtest %s --help lists all)",
                workload->name, typed, nearest.name, workload->name);
}

static void parse(const struct workload *workload, const struct option_spec *spec, const char *text,
                  struct option_value *value) {
    char complaint[256];
    if (!value_parse(spec, spec->type == OPTION_FLAG ? "1" : text, value, complaint,
                     sizeof complaint))
        usage_error("%s (memtest %s --help)", complaint, workload->name);
}

static void parse_positional(const struct workload *workload, const char *text,
                             struct option_value *values) {
    for (size_t i = 0; i < count_options(workload->options); i++) {
        if (workload->options[i].positional) {
            parse(workload, &workload->options[i], text, &values[i]);
            return;
        }
    }
    usage_error(
        "%s takes no bare argument \"%s\"; options are written --key value (memtest %s --help)",
        workload->name, text, workload->name);
}

static bool read_arguments(int argc, char **argv, const struct workload *workload,
                           struct option_value *common, struct option_value *own) {
    struct option table[COMMON_MAX + OPTIONS_MAX + 2];
    build_table(workload, table);
    opterr = 0; /* the messages here are more precise than those of getopt */
    optind = 2;
    for (int code; (code = getopt_long(argc, argv, ":", table, NULL)) != -1;) {
        if (code == HELP)
            return false;
        if (code == '?')
            unknown_key(workload, table, argv[optind - 1]);
        if (code == ':')
            usage_error("%s needs a value (memtest %s --help)", argv[optind - 1], workload->name);
        if (code >= COMMON_BASE)
            parse(workload, &common_options[code - COMMON_BASE], optarg,
                  &common[code - COMMON_BASE]);
        else
            parse(workload, &workload->options[code - 1], optarg, &own[code - 1]);
    }
    while (optind < argc)
        parse_positional(workload, argv[optind++], own);
    return true;
}

static void fill_defaults(const struct option_spec *specs, struct option_value *values) {
    for (size_t i = 0; i < count_options(specs); i++)
        if (specs[i].fallback)
            values[i] = option_default(&specs[i]);
}

struct option_value option_default(const struct option_spec *spec) {
    struct option_value value = {0};
    char complaint[256];
    if (spec->fallback && !value_parse(spec, spec->fallback, &value, complaint, sizeof complaint))
        usage_error("the default of --%s is wrong: %s", spec->key, complaint);
    return value;
}

static void scale(const struct workload *workload, double factor, struct option_value *values) {
    for (size_t i = 0; i < count_options(workload->options); i++) {
        if (workload->options[i].scaled && values[i].number) {
            double scaled = (double)values[i].number * factor;
            values[i].number = scaled < 1 ? 1 : (uint64_t)(scaled + 0.5);
        }
    }
}

static unsigned default_rounds(const struct workload *workload, double factor) {
    double scaled = workload->rounds * factor;
    return scaled < 1 ? 1 : scaled > ROUNDS_MAX ? ROUNDS_MAX : (unsigned)(scaled + 0.5);
}

static void require_values(const struct workload *workload, const struct option_value *values) {
    for (size_t i = 0; i < count_options(workload->options); i++)
        if (!workload->options[i].fallback && !values[i].text)
            usage_error("%s needs --%s: %s", workload->name, workload->options[i].key,
                        workload->options[i].help);
}

static struct workload *find_or_refuse(const char *name) {
    struct workload *workload = workload_find(name);
    if (workload)
        return workload;
    struct nearest nearest = {.wanted = name};
    for (struct workload *each = workload_first(); each; each = each->next)
        nearest_consider(&nearest, each->name);
    usage_error("there is no workload \"%s\"; nearest is %s (memtest --list names all)", name,
                nearest.name);
}

static void refuse_what_null_cannot_serve(const struct settings *settings) {
    const struct workload *workload = settings->workload;
    if (workload->payload)
        usage_error("%s keeps data in its blocks, and those of the null allocator overlap",
                    workload->name);
    if (settings->verify)
        usage_error("--verify checks the content of blocks, and those of the null allocator "
                    "overlap");
}

bool options_read(int argc, char **argv, struct settings *settings) {
    struct workload *workload = find_or_refuse(argv[1]);
    struct option_value common[COMMON_MAX] = {0};
    *settings = (struct settings){.workload = workload};
    fill_defaults(common_options, common);
    fill_defaults(workload->options, settings->values);
    if (!read_arguments(argc, argv, workload, common, settings->values))
        return false;
    require_values(workload, settings->values);
    scale(workload, common[SCALE].real, settings->values);
    settings->threads = (unsigned)common[THREADS].number;
    settings->rounds = common[ROUNDS].number ? (unsigned)common[ROUNDS].number
                                             : default_rounds(workload, common[SCALE].real);
    settings->seed = common[SEED].number;
    settings->touch = (enum touch)common[TOUCH].number;
    settings->verify = (enum verify_level)common[VERIFY].number;
    settings->touch_name = common[TOUCH].text;
    settings->verify_name = common[VERIFY].text;
    settings->duration_s = common[DURATION].real;
    settings->latency = common[LATENCY].number;
    settings->footprint = common[FOOTPRINT].number;
    settings->live_path = common[LIVE_FILE].text[0] ? common[LIVE_FILE].text : NULL;
    settings->linger_s = common[LINGER].real;
    if (provider_is_null())
        refuse_what_null_cannot_serve(settings);
    return true;
}
