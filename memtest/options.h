/* The command line: options common to all workloads and those of the chosen one, each described by
 * a struct option_spec and read by getopt_long. */
#pragma once
#include "instruments.h"
#include "workload.h"

enum { OPTIONS_MAX = 32, THREADS_MAX = 4096, ROUNDS_MAX = 65536 };

struct option_value {
    uint64_t number;  /* COUNT and BYTES; place of a CHOICE; 1 for a given FLAG */
    double real;      /* REAL */
    const char *text; /* CHOICE and TEXT; NULL when an optional TEXT was not given */
};

struct settings {
    struct workload *workload;
    unsigned threads, rounds;
    uint64_t seed;
    enum touch touch;
    enum verify_level verify;
    double duration_s; /* 0: count rounds instead */
    bool latency;
    const char *live_path; /* NULL: none */
    double linger_s;
    struct option_value values[OPTIONS_MAX]; /* in the order of workload->options */
};

/* The options that every workload understands; ends with a NULL key. */
extern const struct option_spec common_options[];

/* Reads `memtest WORKLOAD ...`: argv[1] is the workload's name. On --help prints what the workload
 * is and exits with 0; on any mistake says in one line what is wrong and what would be right, and
 * exits with 2. */
void options_read(int argc, char **argv, struct settings *settings);

/* The default of an option, parsed. */
struct option_value option_default(const struct option_spec *spec);
