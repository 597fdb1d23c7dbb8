/* memtest: runs one workload on the allocator that serves this process, and prints what it cost as
 * JSON lines. exit_codes.h has the exit codes. */
#include "clock.h"
#include "exit_codes.h"
#include "help.h"
#include "measure.h"
#include "options.h"
#include "record.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void sleep_seconds(double seconds) {
    struct timespec left = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    while (nanosleep(&left, &left) != 0)
        ;
}

static int list(int argc, char **argv) {
    if (argc == 2)
        help_list();
    else if (argc == 3 && strcmp(argv[2], "--json") == 0)
        help_list_json();
    else
        usage_error("--list takes nothing but --json");
    return 0;
}

static int run_workload(int argc, char **argv) {
    static struct settings settings;
    static struct measurement m;
    if (!options_read(argc, argv, &settings)) {
        help_workload(settings.workload);
        return 0;
    }
    clock_detect();
    if (settings.latency)
        clock_calibrate();
    measure(&m, &settings);
    record_measurement(stdout, &m);
    if (ferror(stdout)) {
        perror("memtest: the record could not be written");
        return EXIT_USAGE;
    }
    if (settings.linger_s > 0)
        sleep_seconds(settings.linger_s);
    atomic_store_explicit(&m.live->phase, LIVE_DONE, memory_order_relaxed);
    return 0;
}

int main(int argc, char **argv) {
    static char output[1 << 16]; /* stdio must not take its buffer from the allocator under test */
    setvbuf(stdout, output, _IOFBF, sizeof output);
    if (argc < 2) {
        help_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        help_usage(stdout);
    else if (strcmp(argv[1], "--version") == 0)
        help_version();
    else if (strcmp(argv[1], "--list") == 0)
        return list(argc, argv);
    else
        return run_workload(argc, argv);
    return 0;
}
