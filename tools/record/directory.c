#define _GNU_SOURCE
#include "directory.h"

#include "convert.h"
#include "raw_file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct recording {
    char raw_name[NAME_MAX + 1];
    char program[32];
    uint64_t started_ns;
    bool is_broken;
};

struct recordings {
    struct recording *all;
    size_t count;
};

bool directory_make(const char *directory) {
    if (mkdir(directory, 0777) == 0 ||
        (errno == EEXIST && rmdir(directory) == 0 && mkdir(directory, 0777) == 0))
        return true;
    fprintf(stderr, "alloc-record: %s: %s; -o takes a new or empty directory\n", directory,
            strerror(errno));
    return false;
}

/* The program's name without its folders, reduced to what is harmless in a file name. */
static void name_program(const struct raw_header *header, char *name, size_t size) {
    char command[RAW_COMMAND_BYTES + 1] = "";
    memcpy(command, header->command, RAW_COMMAND_BYTES);
    const char *slash = strrchr(command, '/');
    snprintf(name, size, "%s", slash ? slash + 1 : command);
    for (char *c = name; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-", *c))
            *c = '_';
}

static void add(struct recordings *list, const char *directory, const char *raw_name) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, raw_name);
    list->all = realloc(list->all, (list->count + 1) * sizeof *list->all);
    if (!list->all)
        exit(1);
    struct recording *recording = &list->all[list->count++];
    *recording = (struct recording){.is_broken = true};
    snprintf(recording->raw_name, sizeof recording->raw_name, "%s", raw_name);
    struct raw_file *raw = raw_open(path);
    if (!raw)
        return;
    recording->is_broken = false;
    recording->started_ns = raw_header_of(raw)->started_ns;
    name_program(raw_header_of(raw), recording->program, sizeof recording->program);
    raw_close(raw);
}

static int by_start(const void *one, const void *other) {
    const struct recording *a = one, *b = other;
    return (a->started_ns > b->started_ns) - (a->started_ns < b->started_ns);
}

static struct recordings find_recordings(const char *directory) {
    struct recordings list = {0};
    DIR *folder = opendir(directory);
    if (!folder) {
        fprintf(stderr, "alloc-record: %s: %s\n", directory, strerror(errno));
        exit(2);
    }
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strncmp(entry->d_name, "raw-", 4) == 0)
            add(&list, directory, entry->d_name);
    closedir(folder);
    qsort(list.all, list.count, sizeof *list.all, by_start);
    return list;
}

static void report(const char *path, const struct trace_totals *totals) {
    struct stat status;
    double bytes = stat(path, &status) == 0 ? (double)status.st_size : 0;
    fprintf(stderr,
            "%s: %" PRIu64 " events, %" PRIu64 " threads, peak %" PRIu64
            " live bytes, %.2f bytes an event",
            path, totals->events, totals->threads, totals->live_peak_bytes,
            totals->events ? bytes / (double)totals->events : 0);
    if (totals->inherited)
        fprintf(stderr, ", %" PRIu64 " objects inherited", totals->inherited);
    if (totals->unknown)
        fprintf(stderr, ", %" PRIu64 " frees of unknown addresses left out", totals->unknown);
    if (totals->lost)
        fprintf(stderr, ", %" PRIu64 " EVENTS LOST", totals->lost);
    fputc('\n', stderr);
}

static bool finish_one(const char *directory, const struct recording *recording, size_t number) {
    char path[PATH_MAX];
    struct trace_totals totals;
    snprintf(path, sizeof path, "%s/%03zu-%s.trace", directory, number, recording->program);
    if (recording->is_broken || !convert(directory, recording->raw_name, path, &totals))
        return false;
    report(path, &totals);
    return totals.lost == 0;
}

bool directory_finish(const char *directory, bool keep_raw) {
    struct recordings list = find_recordings(directory);
    bool complete = list.count > 0;
    if (!list.count)
        fprintf(stderr,
                "alloc-record: nothing was recorded: is the program static or set-user-id?\n");
    for (size_t i = 0; i < list.count; i++)
        complete = finish_one(directory, &list.all[i], i + 1) && complete;
    for (size_t i = 0; i < list.count && !keep_raw;
         i++) { /* only now: a child needs its parent's */
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", directory, list.all[i].raw_name);
        unlink(path);
    }
    free(list.all);
    return complete;
}
