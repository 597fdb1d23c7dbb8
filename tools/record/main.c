/* alloc-record: runs a program with librecord.so preloaded and makes traces of it and of all its
 * children. */
#define _GNU_SOURCE
#include "directory.h"
#include "memtest/trace/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: alloc-record -o DIR [--keep-raw] [--] PROGRAM [ARGUMENT...]\n"
    "           runs the program and writes DIR/NUMBER-NAME.trace for it and for each of its\n"
    "           processes; exits with the program's own code (128 + signal when it was killed),\n"
    "           or with 125 when the recording itself failed or is incomplete\n"
    "       alloc-record finish DIR\n"
    "           makes the traces of a recording whose alloc-record was killed\n"
    "       alloc-record check FILE...\n"
    "           reads traces to their end and prints their totals as JSON; exits with 1 and the\n"
    "           offset of the damage when one is cut off or changed\n";

enum { EXIT_USAGE = 2, EXIT_RECORDING = 125, EXIT_NOT_FOUND = 127 };

static int usage(void) {
    fputs(usage_text, stderr);
    return EXIT_USAGE;
}

/* librecord.so lies beside this program. */
static void find_library(char *path, size_t size) {
    static const char name[] = "librecord.so";
    ssize_t length = readlink("/proc/self/exe", path, size - sizeof name);
    path[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(path, '/');
    strcpy(slash ? slash + 1 : path, name);
    if (access(path, R_OK) != 0) {
        fprintf(stderr, "alloc-record: %s: %s (make builds it)\n", path, strerror(errno));
        exit(EXIT_RECORDING);
    }
}

/* The recorder comes first, before an allocator that is preloaded too. */
static void set_environment(const char *directory) {
    char library[PATH_MAX], preload[2 * PATH_MAX], absolute[PATH_MAX];
    const char *others = getenv("LD_PRELOAD");
    find_library(library, sizeof library);
    snprintf(preload, sizeof preload, "%s%s%s", library, others && *others ? ":" : "",
             others ? others : "");
    if (!realpath(directory, absolute)) {
        fprintf(stderr, "alloc-record: %s: %s\n", directory, strerror(errno));
        exit(EXIT_RECORDING);
    }
    setenv("LD_PRELOAD", preload, 1);
    setenv("ALLOC_RECORD_DIR", absolute, 1);
}

/* Waits for the program and for all that it left behind, whose files would otherwise still grow. */
static int wait_for_all(pid_t program) {
    int status, code = EXIT_RECORDING;
    pid_t pid;
    while ((pid = wait(&status)) > 0 || errno == EINTR)
        if (pid == program)
            code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return code;
}

static int record(const char *directory, bool keep_raw, char **command) {
    if (!directory_make(directory))
        return EXIT_USAGE;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t program = fork();
    if (program == 0) {
        set_environment(directory);
        execvp(command[0], command);
        fprintf(stderr, "alloc-record: %s: %s\n", command[0], strerror(errno));
        _exit(EXIT_NOT_FOUND);
    }
    signal(SIGINT, SIG_IGN); /* for the program, not for us: its recording is wanted */
    signal(SIGQUIT, SIG_IGN);
    int code = wait_for_all(program);
    bool is_complete = directory_finish(directory, keep_raw);
    return is_complete || code == EXIT_NOT_FOUND ? code : EXIT_RECORDING;
}

static int check(const char *path) {
    struct trace_error error;
    struct trace_event event;
    struct trace_reader *reader = trace_open(path, &error);
    while (reader && trace_next(reader, &event))
        ;
    if (error.text[0]) {
        fprintf(stderr, "alloc-record: %s\n", error.text);
        return 1;
    }
    const struct trace_totals *t = trace_totals(reader);
    printf("{\"events\":%" PRIu64 ",\"threads\":%" PRIu64 ",\"acquires\":%" PRIu64
           ",\"releases\":%" PRIu64,
           t->events, t->threads, t->acquires, t->releases);
    printf(",\"live_peak_bytes\":%" PRIu64 ",\"live_peak_objects\":%" PRIu64
           ",\"duration_ns\":%" PRIu64,
           t->live_peak_bytes, t->live_peak_objects, t->duration_ns);
    printf(",\"inherited\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"lost\":%" PRIu64
           ",\"torn\":%" PRIu64,
           t->inherited, t->refused, t->lost, t->torn);
    printf(",\"unseen\":%" PRIu64 ",\"unknown\":%" PRIu64 "}\n", t->unseen, t->unknown);
    trace_close(reader);
    return 0;
}

static int check_all(char **paths) {
    int code = 0;
    while (*paths)
        code |= check(*paths++);
    return code;
}

int main(int argc, char **argv) {
    const char *directory = NULL;
    bool keep_raw = false;
    if (argc == 3 && strcmp(argv[1], "finish") == 0)
        return directory_finish(argv[2], false) ? 0 : EXIT_RECORDING;
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
            return usage();
    }
    return directory && i < argc ? record(directory, keep_raw, argv + i) : usage();
}
