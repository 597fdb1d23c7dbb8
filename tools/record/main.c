/* alloc-record: runs a program with librecord.so preloaded and writes traces of it and of all its
 * descendants. */
#define _GNU_SOURCE
#include "check.h"
#include "directory.h"
#include "exit_codes.h"
#include "launch.h"
#include "preload.h"
#include "writer.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: alloc-record -o DIR [--keep-raw] [--] PROGRAM [ARGUMENT...]\n"
    "           Run the program and write DIR/NUMBER-NAME.trace for each of its processes.\n"
    "           Exit with the program's code (128 + signal if it was killed), 125 if the "
    "recording\n"
    "           failed or is incomplete (stderr has the process and the reason), 126 if the "
    "program\n"
    "           cannot be executed, 127 if it is not found.\n"
    "           --keep-raw keeps the raw files, in DIR/recording-XXXXXX.\n"
    "       alloc-record finish DIR\n"
    "           Write the traces of a recording whose alloc-record was killed or interrupted.\n"
    "       alloc-record check FILE...\n"
    "           Read traces to their end and print their totals as JSON. If one is damaged, print\n"
    "           the offset of the damage and exit with 1.\n"
    "       alloc-record --help | --version\n"
    "\n"
    "docs/trace-format.md describes recording, the file format and replaying.\n";

static int usage(FILE *to, int code) {
    fputs(usage_text, to);
    return code;
}

/* Interrupts the conversion: removes the incomplete trace and keeps the raw files. */
static void stop(int signal) {
    static const char line[] = "alloc-record: interrupted; the raw files are kept: `alloc-record "
                               "finish` with the same directory writes their traces\n";
    (void)signal;
    writer_abandon();
    if (write(STDERR_FILENO, line, sizeof line - 1) < 0)
        _exit(EXIT_RECORDING);
    _exit(EXIT_RECORDING);
}

/* A closed pipe at stderr or a limit on file sizes must not end the conversion. */
static void watch_signals(void) {
    static const int signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        if (signal(signals[i], stop) == SIG_IGN)
            signal(signals[i], SIG_IGN); /* nohup: it stays ignored */
        sigaddset(&set, signals[i]);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int record(const char *name, bool keep_raw, char **command) {
    struct directory directory;
    int code = directory_make(&directory, name);
    if (code)
        return code;
    struct outcome outcome = launch(&directory, command);
    if (!outcome.is_started) {
        directory_clean(&directory);
        return outcome.code;
    }
    watch_signals();
    if (outcome.is_cut_short)
        fprintf(stderr,
                "alloc-record: interrupted while processes of the program were running; their "
                "traces are incomplete\n");
    bool is_complete = directory_finish(&directory, keep_raw);
    return is_complete && !outcome.is_cut_short ? outcome.code : EXIT_RECORDING;
}

static int finish(const char *name) {
    struct directory directory;
    if (!directory_open(&directory, name))
        return EXIT_RECORDING;
    watch_signals();
    preload_remove(directory.ledger->link_directory);
    return directory_finish(&directory, false) ? 0 : EXIT_RECORDING;
}

int main(int argc, char **argv) {
    const char *directory = NULL;
    bool keep_raw = false;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return puts("alloc-record (alloclab) " ALLOCLAB_VERSION) < 0;
    if (argc == 3 && strcmp(argv[1], "finish") == 0)
        return finish(argv[2]);
    if (argc >= 3 && strcmp(argv[1], "check") == 0)
        return check_all(argv + 2);
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        if (strcmp(argv[i], "-o") == 0 && i + 1 < argc)
            directory = argv[++i];
        else if (strcmp(argv[i], "--keep-raw") == 0)
            keep_raw = true;
        else
            return usage(stderr, EXIT_USAGE);
    }
    return directory && i < argc ? record(directory, keep_raw, argv + i)
                                 : usage(stderr, EXIT_USAGE);
}
