/* shm-bench: what shm_arena costs, in comparison with one shared memory object per buffer and with
 * other allocators, in one process. Prints one JSON line per round and one at the end, like
 * memtest. */
#include "bench.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { MOST_ROUNDS = 10000, MOST_OPTIONS = 16 };

static struct bench *benches, *running;
static const struct bench_option common[] = {
    {"rounds", "", "number of rounds; each measures all contenders"},
    {"seed", "1", "seed of the random numbers"},
    {NULL, NULL, NULL}};
static struct { const char *key, *text; } values[MOST_OPTIONS];
static unsigned value_count;

void bench_register(struct bench *bench) {
    struct bench **at = &benches;
    while (*at && strcmp((*at)->name, bench->name) < 0)
        at = &(*at)->next;
    bench->next = *at;
    *at = bench;
}

static void end_with(int code, const char *format, va_list arguments) {
    fputs("shm-bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(code);
}

void wrong_result(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    end_with(4, format, arguments);
    abort(); /* not reached */
}

void usage_error(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    end_with(2, format, arguments);
    abort(); /* not reached */
}

/* ---- options ---- */

static const struct bench_option *known_option(const char *key) {
    for (const struct bench_option *o = common; o->key; o++)
        if (!strcmp(o->key, key))
            return o;
    for (const struct bench_option *o = running->options; o->key; o++)
        if (!strcmp(o->key, key))
            return o;
    return NULL;
}

const char *option_text(const char *key) {
    for (unsigned i = 0; i < value_count; i++)
        if (!strcmp(values[i].key, key))
            return values[i].text;
    return !strcmp(key, "rounds") ? running->rounds : known_option(key)->fallback;
}

uint64_t option_number(const char *key) {
    const char *text = option_text(key), *units = "KMG", *unit;
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    bool good = end != text && *text != '-';
    if (good && *end && (unit = strchr(units, *end & ~32)) != NULL) {
        value <<= 10 * (unit - units + 1);
        end++;
    }
    if (!good || *end)
        usage_error("--%s %s: not a number; write for example 4096, 4K or 2M", key, text);
    return value;
}

uint64_t option_seed(void) {
    return option_number("seed") * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

static void parse_options(int argc, char **argv) {
    for (int i = 2; i < argc; i += 2) {
        if (strncmp(argv[i], "--", 2) || !known_option(argv[i] + 2))
            usage_error("%s: %s has no such option; shm-bench %s --help lists them", argv[i],
                        running->name, running->name);
        if (i + 1 >= argc)
            usage_error("%s: the value is missing", argv[i]);
        if (value_count == MOST_OPTIONS)
            usage_error("too many options");
        values[value_count].key = argv[i] + 2;
        values[value_count++].text = argv[i + 1];
    }
}

/* ---- results ---- */

void row_add(struct bench_row *row, double value, const char *format, ...) {
    va_list arguments;
    if (row->count == BENCH_MOST_COLUMNS)
        return;
    va_start(arguments, format);
    vsnprintf(row->columns[row->count].name, sizeof row->columns[0].name, format, arguments);
    va_end(arguments);
    row->columns[row->count++].value = value;
}

double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

uint64_t next_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

static void print_columns(const struct bench_row *row) {
    for (unsigned i = 0; i < row->count; i++)
        printf(", \"%s\": %.6g", row->columns[i].name, row->columns[i].value);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median over the rounds of column i, or if j >= 0 of its ratio to column j. */
static double median(const struct bench_row *rows, unsigned rounds, unsigned i, int j) {
    double *all = malloc(rounds * sizeof *all);
    for (unsigned r = 0; all && r < rounds; r++)
        all[r] = rows[r].columns[i].value / (j < 0 ? 1 : rows[r].columns[j].value);
    if (!all)
        return NAN;
    qsort(all, rounds, sizeof *all, ascending);
    double middle = rounds % 2 ? all[rounds / 2] : (all[rounds / 2 - 1] + all[rounds / 2]) / 2;
    free(all);
    return middle;
}

static int column(const struct bench_row *row, const char *name) {
    for (unsigned i = 0; name && i < row->count; i++)
        if (!strcmp(row->columns[i].name, name))
            return (int)i;
    return -1;
}

static double seconds(struct timeval t) {
    return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

static void print_end(const struct bench_row *rows, unsigned rounds, double wall_ns) {
    struct rusage usage, children;
    getrusage(RUSAGE_SELF, &usage);
    getrusage(RUSAGE_CHILDREN, &children);
    printf("{\"record\": \"end\", \"schema\": 1, \"workload\": \"%s\", \"params\": {",
           running->name);
    for (const struct bench_option *o = running->options; o->key; o++)
        printf("%s\"%s\": \"%s\"", o == running->options ? "" : ", ", o->key, option_text(o->key));
    printf("}, \"rounds\": %u, \"seed\": %s, \"wall_s\": %.6f, \"user_s\": %.6f, \"sys_s\": %.6f, "
           "\"median\": {",
           rounds, option_text("seed"), wall_ns * 1e-9,
           seconds(usage.ru_utime) + seconds(children.ru_utime),
           seconds(usage.ru_stime) + seconds(children.ru_stime));
    for (unsigned i = 0; i < rows->count; i++)
        printf("%s\"%s\": %.6g", i ? ", " : "", rows->columns[i].name, median(rows, rounds, i, -1));
    printf("}");
    int before = column(rows, running->before), after = column(rows, running->after);
    if (before >= 0 && after >= 0) /* the median of the paired ratios: > 1 if "after" is better */
        printf(", \"better_by\": %.6g", running->more_is_better
                                            ? median(rows, rounds, (unsigned)after, before)
                                            : median(rows, rounds, (unsigned)before, after));
    printf("}\n");
}

static void run(void) {
    unsigned rounds = (unsigned)option_number("rounds");
    if (!rounds || rounds > MOST_ROUNDS)
        usage_error("--rounds: 1 to %d", MOST_ROUNDS);
    struct bench_row *rows = calloc(rounds, sizeof *rows);
    if (!rows)
        exit(3);
    if (running->setup)
        running->setup();
    double begin = now_ns();
    for (unsigned r = 0; r < rounds; r++) {
        double start = now_ns();
        running->round(r, &rows[r]);
        printf("{\"record\": \"round\", \"round\": %u, \"t_s\": %.6f, \"wall_s\": %.6f", r,
               (start - begin) * 1e-9, (now_ns() - start) * 1e-9);
        print_columns(&rows[r]);
        printf("}\n");
        fflush(stdout);
    }
    print_end(rows, rounds, now_ns() - begin);
    free(rows);
}

/* ---- help ---- */

static void list(void) {
    printf("[");
    for (struct bench *b = benches; b; b = b->next) {
        printf("%s{\"name\": \"%s\", \"summary\": \"%s\", \"options\": [",
               b == benches ? "" : ",\n ", b->name, b->summary);
        for (const struct bench_option *o = b->options; o->key; o++)
            printf("%s{\"key\": \"%s\", \"default\": \"%s\", \"help\": \"%s\"}",
                   o == b->options ? "" : ", ", o->key, o->fallback, o->help);
        printf("]}");
    }
    printf("]\n");
}

static void usage(FILE *to) {
    fputs(
        "usage: shm-bench BENCH [--key value ...]\n"
        "       shm-bench BENCH --help\n"
        "       shm-bench --list | --help | --version\n\n"
        "Measures all contenders in turn in each round. Prints one JSON line per round and one at\n"
        "the end.\n\n",
        to);
    for (struct bench *b = benches; b; b = b->next)
        fprintf(to, "  %-12s %s\n", b->name, b->summary);
    fputs("\nExit codes: 0 success, 2 wrong usage, 3 out of memory or a failed system call, 4 a "
          "wrong\n"
          "result.\n",
          to);
}

static void help(void) {
    printf("%s: %s\n\n", running->name, running->summary);
    for (const struct bench_option *o = running->options; o->key; o++)
        printf("  --%-12s %s (default %s)\n", o->key, o->help, o->fallback);
    printf("  --%-12s %s (default %s)\n  --%-12s %s (default 1)\n", "rounds", common[0].help,
           running->rounds, "seed", common[1].help);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        usage(stderr);
        return 2;
    }
    if (!strcmp(argv[1], "--list")) {
        list();
        return 0;
    }
    if (!strcmp(argv[1], "--help")) {
        usage(stdout);
        return 0;
    }
    if (!strcmp(argv[1], "--version")) {
        puts("shm-bench (alloclab) " ALLOCLAB_VERSION);
        return 0;
    }
    for (running = benches; running && strcmp(running->name, argv[1]); running = running->next)
        ;
    if (!running) {
        fprintf(stderr, "shm-bench: %s: no such bench\n", argv[1]);
        usage(stderr);
        return 2;
    }
    if (argc == 3 && !strcmp(argv[2], "--help")) {
        help();
        return 0;
    }
    parse_options(argc, argv);
    run();
    return 0;
}
