#define _GNU_SOURCE
#include "preload.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char name[] = "librecord.so";

static int is_plain(const char *path) {
    return path[0] == '/' && !strpbrk(path, " :$");
}

static int find_library(char *path, size_t size) {
    ssize_t length = readlink("/proc/self/exe", path, size - sizeof name);
    path[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(path, '/');
    strcpy(slash ? slash + 1 : path, name);
    if (access(path, R_OK) == 0)
        return 0;
    fprintf(stderr, "alloc-record: %s: %s (make builds it)\n", path, strerror(errno));
    return -1;
}

/* Creates a directory with the link. All users may enter it, as the program may change its user. */
static int link_in(const char *folder, const char *library, char *link_directory, size_t size) {
    char path[PATH_MAX];
    if (snprintf(link_directory, size, "%s/alloc-record-XXXXXX", folder) >= (int)size ||
        !mkdtemp(link_directory))
        return -1;
    snprintf(path, sizeof path, "%s/%s", link_directory, name);
    if (chmod(link_directory, 0755) == 0 && symlink(library, path) == 0)
        return 0;
    int error = errno;
    preload_remove(link_directory);
    errno = error;
    return -1;
}

static int make_link(const char *library, char *link_directory, size_t size) {
    const char *of_user = getenv("TMPDIR");
    const char *folders[] = {of_user && is_plain(of_user) ? of_user : "/tmp", "/tmp", "/var/tmp",
                             "/dev/shm"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (link_in(folders[i], library, link_directory, size) == 0)
            return 0;
    fprintf(stderr,
            "alloc-record: %s: ld.so cannot preload a path with a space, a colon or a $, and no "
            "link to it can be created in /tmp, /var/tmp or /dev/shm: %s; help: set TMPDIR to a "
            "writable directory, or move the library\n",
            library, strerror(errno));
    link_directory[0] = '\0';
    return -1;
}

int preload_value(char *value, size_t size, char *link_directory, size_t link_size) {
    char library[PATH_MAX];
    const char *others = getenv("LD_PRELOAD");
    link_directory[0] = '\0';
    if (find_library(library, sizeof library) != 0)
        return -1;
    if (!is_plain(library)) {
        if (make_link(library, link_directory, link_size) != 0)
            return -1;
        snprintf(library, sizeof library, "%s/%s", link_directory, name);
    }
    snprintf(value, size, "%s%s%s", library, others && *others ? ":" : "", others ? others : "");
    return 0;
}

void preload_remove(const char *link_directory) {
    char path[PATH_MAX];
    if (!link_directory[0])
        return;
    snprintf(path, sizeof path, "%s/%s", link_directory, name);
    unlink(path);
    rmdir(link_directory);
}
