#define _GNU_SOURCE
#include "ledger_report.h"

#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct ledger *map(int fd) {
    void *memory = mmap(NULL, sizeof(struct ledger), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

struct ledger *ledger_create(int at, bool is_for_all) {
    int fd = openat(at, "ledger", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return NULL;
    struct ledger *ledger = NULL;
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN); /* beyond ulimit -f: an error, no signal */
    int error = posix_fallocate(fd, 0, sizeof *ledger);
    signal(SIGXFSZ, before);
    if (!error && is_for_all && fchmod(fd, 0666) != 0)
        error = errno;
    if (!error && !(ledger = map(fd)))
        error = errno;
    close(fd);
    errno = error;
    if (!ledger)
        return NULL;
    ledger->magic = LEDGER_MAGIC;
    ledger->recorder = ledger_whoami((uint32_t)getpid(), geteuid());
    return ledger;
}

struct ledger *ledger_open(int at) {
    struct stat status;
    int fd = openat(at, "ledger", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    struct ledger *ledger = NULL;
    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size == sizeof *ledger)
        ledger = map(fd);
    if (fd >= 0)
        close(fd);
    return ledger && ledger->magic == LEDGER_MAGIC ? ledger : NULL;
}

/* relaxed: no other process writes yet, and waiting for the child orders what follows. */
void ledger_launch(struct ledger *ledger, uint32_t pid, const char *path) {
    struct ledger_exec *exec = &ledger->execs[0];
    exec->who = ledger_whoami(pid, geteuid());
    snprintf(exec->path, sizeof exec->path, "%s", path);
    atomic_store_explicit(&ledger->exec_pids[0], pid, memory_order_relaxed);
}

void ledger_launch_failed(struct ledger *ledger, int error) {
    atomic_store_explicit(&ledger->launch_error, error, memory_order_relaxed);
    atomic_store_explicit(&ledger->exec_pids[0], 0, memory_order_relaxed);
}

/* ---- the report ---- */

static bool has_other_root(const struct ledger *ledger, const struct ledger_who *who) {
    return who->root_inode != ledger->recorder.root_inode ||
           who->root_device != ledger->recorder.root_device;
}

static bool has_other_user(const struct ledger *ledger, const struct ledger_who *who) {
    return who->uid != ledger->recorder.uid;
}

static void print_note(const struct ledger *ledger, const struct ledger_note *note) {
#define LEDGER_TEXT_OF_PLACE(name, text) [name] = text,
    static const char *const texts[] = {LEDGER_PLACES(LEDGER_TEXT_OF_PLACE)};
#undef LEDGER_TEXT_OF_PLACE
    fprintf(stderr, "alloc-record: process %u (%.*s): %s", note->who.pid, LEDGER_NAME_BYTES,
            note->name, note->place < LEDGER_PLACE_COUNT ? texts[note->place] : "failed");
    if (has_other_root(ledger, &note->who))
        fputs(", after it changed its root directory", stderr);
    if (has_other_user(ledger, &note->who))
        fprintf(stderr, ", as user %u", note->who.uid);
    fprintf(stderr, note->error ? ": %s\n" : "\n", strerror(note->error));
}

static const char *why_not_recorded(const struct ledger *ledger, const struct ledger_exec *exec) {
    if (exec->lacks_environment)
        return "its environment lacks LD_PRELOAD or ALLOC_RECORD_DIR";
    if (has_other_root(ledger, &exec->who))
        return "its process had changed its root directory, under which librecord.so and the "
               "directory of the recording are not found";
    const char *reason = program_refuses_preload(exec->path);
    if (reason)
        return reason;
    if (has_other_user(ledger, &exec->who))
        return "its user cannot read librecord.so or enter the directory of the recording; help: "
               "use a directory and a build that all users can read";
    return "it ended before its recorder began, or its dynamic linker did not load librecord.so";
}

static bool print_execs(const struct ledger *ledger) {
    bool is_empty = true;
    for (int i = 0; i < LEDGER_EXECS; i++) {
        uint32_t pid = atomic_load(&ledger->exec_pids[i]);
        if (!pid)
            continue;
        is_empty = false;
        struct ledger_exec exec = ledger->execs[i];
        exec.path[sizeof exec.path - 1] = '\0';
        fprintf(stderr,
                "alloc-record: process %u executed %s and was not recorded from there on: %s\n",
                pid, exec.path[0] ? exec.path : "a program by its descriptor",
                why_not_recorded(ledger, &exec));
    }
    uint32_t more = atomic_load(&ledger->unlisted_execs);
    if (more)
        fprintf(stderr, "alloc-record: %u more executions may not have been recorded\n", more);
    return is_empty && more == 0;
}

static bool print_notes(const struct ledger *ledger) {
    uint32_t count = atomic_load(&ledger->notes);
    for (uint32_t i = 0; i < count && i < LEDGER_NOTES; i++)
        /* acquire: pairs with the release in announce_failure */
        if (atomic_load_explicit(&ledger->all_notes[i].is_written, memory_order_acquire))
            print_note(ledger, &ledger->all_notes[i]);
    if (count > LEDGER_NOTES)
        fprintf(stderr, "alloc-record: %u more failures\n", count - LEDGER_NOTES);
    return count == 0;
}

bool ledger_report(const struct ledger *ledger, uint32_t found) {
    bool is_empty = print_notes(ledger);
    is_empty = print_execs(ledger) && is_empty;
    uint32_t begun = atomic_load(&ledger->images);
    if (found < begun)
        fprintf(
            stderr,
            "alloc-record: %u of %u raw files are missing: they were removed or cannot be read\n",
            begun - found, begun);
    return is_empty && found >= begun;
}
