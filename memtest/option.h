/* The description of one option and its value. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum option_type {
    OPTION_COUNT,  /* whole number; "10k", "2M" are understood as 10e3, 2e6 */
    OPTION_BYTES,  /* size; "4K", "2M", "1G" are powers of 1024 */
    OPTION_REAL,   /* decimal number */
    OPTION_CHOICE, /* one of `choices`, separated by '|' */
    OPTION_TEXT,   /* a path or other text, taken as it is */
    OPTION_FLAG,   /* takes no value */
};

/* One --key VALUE that a workload understands. A list of them ends where the key is NULL. */
struct option_spec {
    const char *key;
    enum option_type type;
    const char *fallback; /* the default, as a user would type it; NULL: the option is required */
    double min, max;      /* inclusive bounds of a number */
    const char *choices;  /* for OPTION_CHOICE */
    bool scaled;          /* --scale multiplies it: for iterations, not for the memory held */
    bool positional;      /* may also be a bare argument: `memtest replay FILE` */
    const char *help;     /* one sentence, with the unit */
};

/* Shorthands for the usual options: a count, a count of iterations that --scale multiplies, a size,
 * and the range of sizes that option_size_range() reads. */
#define COUNT_OPTION(k, value, h)                                                                  \
    { .key = k, .type = OPTION_COUNT, .fallback = value, .min = 1, .max = 1e12, .help = h }
#define ITERATIONS_OPTION(k, value, h)                                                             \
    {                                                                                              \
        .key = k, .type = OPTION_COUNT, .fallback = value, .min = 1, .max = 1e12, .scaled = true,  \
        .help = h                                                                                  \
    }
#define PERCENT_OPTION(k, value, h)                                                                \
    { .key = k, .type = OPTION_COUNT, .fallback = value, .min = 0, .max = 100, .help = h }
#define BYTES_OPTION(k, value, h)                                                                  \
    { .key = k, .type = OPTION_BYTES, .fallback = value, .min = 1, .max = 0x1p38, .help = h }
#define SIZE_RANGE_OPTIONS(low, high)                                                              \
    BYTES_OPTION("min_bytes", low, "smallest block"),                                              \
        BYTES_OPTION("max_bytes", high, "largest block, included")

struct option_value {
    uint64_t number;  /* COUNT and BYTES; place of a CHOICE; 1 for a given FLAG */
    double real;      /* REAL */
    const char *text; /* CHOICE and TEXT; NULL when a required TEXT is missing */
};
