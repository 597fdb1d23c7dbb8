#define _GNU_SOURCE
#include "directory.h"

#include "convert.h"
#include "ledger_report.h"
#include "memory.h"
#include "raw_image.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A process to be converted. */
struct recording {
    const struct raw_image *image;
    const struct raw_process *process;
};

struct recordings {
    struct recording *all;
    size_t count;
    uint32_t images;
};

/* The last part of the program's path, with only those characters that are safe in a file name. */
static void name_program(const struct raw_process *process, char *name, size_t size) {
    char command[RAW_COMMAND_BYTES + 1] = "";
    memcpy(command, process->command, RAW_COMMAND_BYTES);
    const char *slash = strrchr(command, '/');
    snprintf(name, size, "%s", slash ? slash + 1 : command);
    for (char *c = name; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-", *c))
            *c = '_';
}

static void add_image(struct recordings *list, const struct raw_image *image) {
    list->images++;
    list->all = memory_resize(list->all, list->count + image->process_count + 1, sizeof *list->all);
    for (size_t i = 0; i < image->process_count; i++)
        list->all[list->count++] = (struct recording){image, image->processes[i]};
}

static int by_start(const void *one, const void *other) {
    uint64_t a = ((const struct recording *)one)->process->started_ns;
    uint64_t b = ((const struct recording *)other)->process->started_ns;
    return (a > b) - (a < b);
}

/* A raw file without a magic number is that of a process that could not begin; see the ledger. */
static struct recordings find_recordings(const struct directory *directory) {
    struct recordings list = {0};
    DIR *folder = fdopendir(dup(directory->work_at));
    if (folder)
        rewinddir(folder);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (strncmp(entry->d_name, "raw-", 4) != 0)
            continue;
        const struct raw_image *image = raw_image_open(directory->work_at, entry->d_name);
        if (image)
            add_image(&list, image);
        else if (errno)
            fprintf(stderr, "alloc-record: %s: %s\n", entry->d_name, strerror(errno));
    }
    if (folder)
        closedir(folder);
    if (list.count)
        qsort(list.all, list.count, sizeof *list.all, by_start);
    return list;
}

static void report(const struct directory *directory, const char *name,
                   const struct trace_totals *totals) {
    struct stat status;
    double bytes = fstatat(directory->at, name, &status, 0) == 0 ? (double)status.st_size : 0;
    fprintf(stderr,
            "%s/%s: %" PRIu64 " events, %" PRIu64 " threads, peak %" PRIu64
            " live bytes, %.2f bytes per event",
            directory->name, name, totals->events, totals->threads, totals->live_peak_bytes,
            totals->events ? bytes / (double)totals->events : 0);
    if (totals->inherited)
        fprintf(stderr, ", %" PRIu64 " objects inherited", totals->inherited);
    if (totals->unknown)
        fprintf(stderr, ", %" PRIu64 " frees of unknown addresses left out", totals->unknown);
    if (totals->lost)
        fprintf(stderr, ", %" PRIu64 " EVENTS LOST", totals->lost);
    fputc('\n', stderr);
}

enum result { MADE, INCOMPLETE, NOT_MADE };

static enum result finish_one(const struct directory *directory, const struct recording *recording,
                              size_t number) {
    char program[32], name[64];
    struct trace_totals totals;
    name_program(recording->process, program, sizeof program);
    snprintf(name, sizeof name, "%03zu-%s.trace", number, program);
    if (!convert(recording->image, recording->process, directory->at, name, &totals))
        return NOT_MADE;
    report(directory, name, &totals);
    return totals.lost ? INCOMPLETE : MADE;
}

bool directory_finish(struct directory *directory, bool keep_raw) {
    struct recordings list = find_recordings(directory);
    bool is_complete = ledger_report(directory->ledger, list.images);
    for (size_t i = 0; i < list.count; i++) {
        enum result result = finish_one(directory, &list.all[i], i + 1);
        is_complete = is_complete && result == MADE;
        keep_raw = keep_raw || result == NOT_MADE;
    }
    if (!keep_raw)
        directory_clean(directory);
    else
        fprintf(stderr,
                "alloc-record: the raw files are kept; `alloc-record finish %s` writes their "
                "traces\n",
                directory->name);
    free(list.all);
    return is_complete;
}
