#define _GNU_SOURCE
#include "launch.h"

#include "exit_codes.h"
#include "ledger_report.h"
#include "preload.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Signal state that is restored in the program. */
struct inherited {
    sigset_t mask;
    void (*on_child)(int); /* with SIG_IGN, the kernel does not report ended children */
};

/* Signals are received by sigwaitinfo: no handler, and no race between a check and a wait. Those
 * that the caller ignores (nohup) stay ignored. */
static sigset_t block_signals(struct inherited *inherited) {
    static const int signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
    struct sigaction action;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&set, signals[i]);
    inherited->on_child = signal(SIGCHLD, SIG_DFL);
    sigprocmask(SIG_BLOCK, &set, &inherited->mask);
    return set;
}

_Noreturn static void execute(struct directory *directory, char **command) {
    ledger_launch(directory->ledger, (uint32_t)getpid(), command[0]);
    execvp(command[0], command);
    int error = errno;
    ledger_launch_failed(directory->ledger, error);
    fprintf(stderr, "alloc-record: %s: %s\n", command[0], strerror(error));
    _exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

/* The terminal sends a signal to the program too; a process sends it only here. */
static void pass_on(pid_t program, const siginfo_t *info) {
    if (info->si_code <= 0)
        kill(program, info->si_signo);
}

/* Reaps ended children. Returns false if no child is left. */
static bool reap(pid_t *program, int *code) {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != *program)
            continue;
        *code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        *program = 0;
    }
    return pid == 0;
}

static void wait_for_all(pid_t program, const sigset_t *set, struct outcome *outcome) {
    siginfo_t info;
    while (reap(&program, &outcome->code)) {
        int signal = sigwaitinfo(set, &info);
        if (signal < 0 || signal == SIGCHLD)
            continue;
        if (program) {
            pass_on(program, &info);
            continue;
        }
        outcome->is_cut_short = true;
        return;
    }
}

static struct outcome run(struct directory *directory, const char *preload, char **command) {
    struct outcome outcome = {.code = EXIT_RECORDING};
    struct inherited inherited;
    sigset_t set = block_signals(&inherited);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t program = fork();
    if (program == 0) {
        signal(SIGCHLD, inherited.on_child);
        sigprocmask(SIG_SETMASK, &inherited.mask, NULL);
        setenv("LD_PRELOAD", preload, 1);
        setenv("ALLOC_RECORD_DIR", directory->work_path, 1);
        execute(directory, command);
    }
    if (program < 0) {
        fprintf(stderr, "alloc-record: cannot start a process: %s\n", strerror(errno));
        return outcome;
    }
    wait_for_all(program, &set, &outcome);
    outcome.is_started = atomic_load(&directory->ledger->launch_error) == 0;
    return outcome;
}

struct outcome launch(struct directory *directory, char **command) {
    static char preload[128 * 1024];
    struct outcome outcome = {.code = EXIT_RECORDING};
    char *link = directory->ledger->link_directory;
    if (preload_value(preload, sizeof preload, link, sizeof directory->ledger->link_directory) == 0)
        outcome = run(directory, preload, command);
    preload_remove(link);
    return outcome;
}
