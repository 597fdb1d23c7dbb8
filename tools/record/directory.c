#define _GNU_SOURCE
#include "directory.h"

#include "exit_codes.h"
#include "ledger_report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int print_error(const char *name, const char *help) {
    fprintf(stderr, "alloc-record: %s: %s%s\n", name, strerror(errno), help);
    return EXIT_RECORDING;
}

/* A program that root runs may drop its privileges and then execute another, which must reach the
 * work directory: all users may enter it, by a name that they can neither list nor guess. */
static mode_t mode_for_root(mode_t mode) {
    return geteuid() == 0 ? mode : 0700;
}

static int make_work_folder(struct directory *directory) {
    char absolute[PATH_MAX];
    if (!realpath(directory->name, absolute) ||
        snprintf(directory->work_path, sizeof directory->work_path, "%s/recording-XXXXXX",
                 absolute) >= PATH_MAX ||
        !mkdtemp(directory->work_path))
        return print_error(directory->name, "");
    snprintf(directory->work_name, sizeof directory->work_name, "%s",
             strrchr(directory->work_path, '/') + 1);
    directory->at = open(absolute, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    directory->work_at = openat(directory->at, directory->work_name,
                                O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (directory->work_at < 0 || fchmod(directory->work_at, mode_for_root(01733)) != 0)
        return print_error(directory->work_path, "");
    return 0;
}

int directory_make(struct directory *directory, const char *name) {
    *directory = (struct directory){.name = name, .at = -1, .work_at = -1};
    mode_t mode = mode_for_root(0711);
    bool is_made = mkdir(name, mode) == 0;
    if (!is_made && errno == EEXIST) {
        is_made = rmdir(name) == 0 && mkdir(name, mode) == 0;
        if (!is_made && (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)) {
            print_error(name, "; -o needs a new or empty directory");
            return EXIT_USAGE;
        }
    }
    if (!is_made)
        return print_error(name, "; help: give -o a directory that can be created");
    int code = make_work_folder(directory);
    if (code)
        return code;
    directory->ledger = ledger_create(directory->work_at, geteuid() == 0);
    if (directory->ledger)
        return 0;
    print_error(directory->work_path, "; nothing is recorded");
    directory_clean(directory);
    return EXIT_RECORDING;
}

/* The first entry of `at` that begins with `prefix`; false when there is none. */
static bool find_entry(int at, const char *prefix, char *name, size_t size) {
    bool is_found = false;
    DIR *folder = fdopendir(dup(at));
    rewinddir(folder);
    for (struct dirent *entry; !is_found && (entry = readdir(folder));)
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
            (size_t)snprintf(name, size, "%s", entry->d_name) < size)
            is_found = true;
    closedir(folder);
    return is_found;
}

bool directory_open(struct directory *directory, const char *name) {
    *directory = (struct directory){.name = name, .work_at = -1};
    directory->at = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory->at < 0)
        return print_error(name, ""), false;
    if (find_entry(directory->at, "recording-", directory->work_name, sizeof directory->work_name))
        directory->work_at = openat(directory->at, directory->work_name,
                                    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (directory->work_at >= 0)
        directory->ledger = ledger_open(directory->work_at);
    if (!directory->ledger)
        fprintf(stderr, "alloc-record: %s: no unfinished recording\n", name);
    return directory->ledger != NULL;
}

void directory_clean(struct directory *directory) {
    char name[NAME_MAX + 1];
    unlinkat(directory->work_at, "ledger", 0);
    while (find_entry(directory->work_at, "raw-", name, sizeof name))
        if (unlinkat(directory->work_at, name, 0) != 0)
            break;
    unlinkat(directory->at, directory->work_name, AT_REMOVEDIR);
    mode_t mask = umask(0);
    umask(mask);
    fchmod(directory->at, 0777 & ~mask);
}
