/* What the command line asked for. */
#pragma once
#include "option.h"
#include "touch.h"
#include "verify.h"

enum { OPTIONS_MAX = 32, ROUNDS_MAX = 65536 };

struct workload;

struct settings {
    struct workload *workload;
    unsigned threads, rounds;
    uint64_t seed;
    enum touch touch;
    enum verify_level verify;
    const char *touch_name, *verify_name;
    double duration_s; /* 0: count rounds instead */
    bool latency;
    bool footprint;
    const char *live_path; /* NULL: none */
    double linger_s;
    struct option_value values[OPTIONS_MAX]; /* in the order of workload->options */
};
