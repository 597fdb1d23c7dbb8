/* memtest: runs one workload on the allocator that serves this process, and prints what it cost as
 * JSON lines. Exit codes: 0 done; 2 wrong usage; 3 the allocator failed; 4 the allocator is wrong.
 */
#include "clock.h"
#include "help.h"
#include "options.h"
#include "record.h"
#include "run.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void sleep_seconds(double seconds) {
    struct timespec left = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    while (nanosleep(&left, &left) != 0)
        ;
}

static void set_phase(struct run *run, enum live_phase phase) {
    atomic_store_explicit(&run->live->phase, phase, memory_order_relaxed);
}

int main(int argc, char **argv) {
    static char output[1 << 16]; /* stdio must not take its buffer from the allocator under test */
    static struct settings settings;
    static struct run run;
    setvbuf(stdout, output, _IOFBF, sizeof output);
    if (argc < 2) {
        help_usage();
        return 2;
    }
    if (strcmp(argv[1], "--list") == 0) {
        help_list();
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help_usage();
        return 0;
    }
    options_read(argc, argv, &settings);
    clock_detect();
    if (settings.latency)
        clock_calibrate();
    run_execute(&run, &settings);
    record_run(stdout, &run);
    if (ferror(stdout)) {
        perror("memtest: the record could not be written");
        return 2;
    }
    if (settings.linger_s > 0)
        sleep_seconds(settings.linger_s);
    set_phase(&run, LIVE_DONE);
    return 0;
}
