#define _GNU_SOURCE
#include "announce.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static struct ledger *ledger;
static const char *recording; /* ALLOC_RECORD_DIR */

bool announce_open(const char *directory) {
    char path[4096];
    struct stat status;
    if (ledger)
        return true;
    snprintf(path, sizeof path, "%s/ledger", directory);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    void *memory = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size == sizeof *ledger)
        memory = mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (memory == MAP_FAILED)
        return false;
    ledger = memory;
    recording = directory;
    return true;
}

void announce_failure(enum ledger_place place, int error) {
    if (!ledger)
        return;
    /* relaxed: each writer has an entry of its own; alloc-record reads those that are written */
    uint32_t number = atomic_fetch_add_explicit(&ledger->notes, 1, memory_order_relaxed);
    if (number >= LEDGER_NOTES)
        return;
    struct ledger_note *note = &ledger->all_notes[number];
    note->place = place;
    note->error = error;
    note->who = ledger_whoami((uint32_t)getpid(), geteuid());
    prctl(PR_GET_NAME, note->name);
    /* release: pairs with the acquire in alloc-record, which then sees the fields above */
    atomic_store_explicit(&note->is_written, 1, memory_order_release);
}

/* ---- executions ---- */

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool announce_is_inherited(char *const *environment) {
    bool has_library = false, has_directory = false;
    for (; environment && *environment; environment++) {
        if (strncmp(*environment, "LD_PRELOAD=", 11) == 0)
            has_library = strstr(*environment, "librecord.so") != NULL;
        if (strncmp(*environment, "ALLOC_RECORD_DIR=", 17) == 0)
            has_directory = recording && strcmp(*environment + 17, recording) == 0;
    }
    return has_library && has_directory;
}

static void fill_exec(struct ledger_exec *exec, pid_t pid, const char *path,
                      char *const *environment) {
    exec->who = ledger_whoami((uint32_t)pid, geteuid());
    exec->order = atomic_fetch_add_explicit(&ledger->exec_order, 1, memory_order_relaxed) + 1;
    exec->lacks_environment = !announce_is_inherited(environment);
    size_t length = strnlen(path, sizeof exec->path - 1);
    memcpy(exec->path, path, length);
    exec->path[length] = '\0';
}

int announce_exec(pid_t pid, const char *path, char *const *environment) {
    if (!ledger || !path)
        return -1;
    for (int i = 0; i < LEDGER_EXECS; i++) {
        uint32_t none = 0;
        /* seq_cst: the parent that spawns notes, then looks for the image; the image announces
         * itself, then looks for the note: one of the two must see the other */
        if (atomic_load_explicit(&ledger->exec_pids[i], memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong(&ledger->exec_pids[i], &none, (uint32_t)pid)) {
            fill_exec(&ledger->execs[i], pid, path, environment);
            return i;
        }
    }
    atomic_fetch_add_explicit(&ledger->unlisted_execs, 1, memory_order_relaxed);
    return -1;
}

void announce_withdraw(int entry) {
    if (ledger && entry >= 0)
        atomic_store(&ledger->exec_pids[entry], 0);
}

/* The latest note of an execution in this process; -1 for none. */
static int find_own_exec(uint32_t pid) {
    int found = -1;
    for (int i = 0; i < LEDGER_EXECS; i++)
        if (atomic_load(&ledger->exec_pids[i]) == pid &&
            (found < 0 || ledger->execs[i].order > ledger->execs[found].order))
            found = i;
    return found;
}

/* False if the note is that of a static program which then executed this image: the names differ,
 * and the note stays. Programs that were executed by descriptor have no name to compare. */
static bool is_note_of_this_image(int entry) {
    const char *noted = ledger->execs[entry].path;
    const char *executed = (const char *)getauxval(AT_EXECFN);
    return !executed || !*noted || strncmp(executed, "/dev/fd/", 8) == 0 ||
           strncmp(base_name(noted), base_name(executed), LEDGER_PATH_BYTES - 1) == 0;
}

void announce_image(bool has_file) {
    if (!ledger)
        return;
    uint32_t pid = (uint32_t)getpid();
    if (has_file) {
        uint32_t number = atomic_fetch_add(&ledger->images, 1);
        atomic_store(&ledger->image_pids[number % LEDGER_IMAGES], pid);
    }
    int entry = find_own_exec(pid);
    if (entry >= 0 && is_note_of_this_image(entry))
        announce_withdraw(entry);
}

uint32_t announce_image_count(void) {
    return ledger ? atomic_load(&ledger->images) : 0;
}

bool announce_has_begun(uint32_t since, pid_t pid) {
    for (uint32_t i = since, end = announce_image_count(); i != end; i++)
        if (atomic_load(&ledger->image_pids[i % LEDGER_IMAGES]) == (uint32_t)pid)
            return true;
    return false;
}

void announce_on_stderr(const char *line) {
    struct stat status;
    if (getauxval(AT_SECURE) || fstat(STDERR_FILENO, &status) != 0)
        return;
    if ((S_ISFIFO(status.st_mode) || isatty(STDERR_FILENO)) &&
        write(STDERR_FILENO, line, strlen(line)) < 0)
        return; /* nothing else can be done */
}
