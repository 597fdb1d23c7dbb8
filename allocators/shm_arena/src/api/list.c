#include "base/layout.h"

#include "shm_arena.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Finds pools by their names in the directory of POSIX shared memory. */

/* Whether the file starts like a pool. One that is not readable belongs to another user. */
static bool is_pool(int folder, const char *name) {
    uint64_t magic = 0;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool is = pread(fd, &magic, sizeof magic, 0) == sizeof magic && magic == LAYOUT_MAGIC;
    close(fd);
    return is;
}

int shm_arena_list(const char *prefix, bool (*visit)(void *context, const char *name),
                   void *context) {
    DIR *folder = opendir("/dev/shm");
    if (!folder)
        return SHM_ARENA_SYSTEM;
    prefix += *prefix == '/';
    bool go_on = true;
    for (struct dirent *entry; go_on && (entry = readdir(folder)) != NULL;) {
        char name[sizeof entry->d_name + 1];
        if (strncmp(entry->d_name, prefix, strlen(prefix)) ||
            !is_pool(dirfd(folder), entry->d_name))
            continue;
        snprintf(name, sizeof name, "/%s", entry->d_name);
        go_on = visit(context, name);
    }
    closedir(folder);
    return SHM_ARENA_OK;
}

struct removal {
    const char *manager;
    int count;
};

/* Whether what follows the manager's name is ".NODE.INDEX". */
static bool is_managed(const char *rest) {
    unsigned node, index;
    int end = 0;
    if (sscanf(rest, ".any.%u%n", &index, &end) != 1 || rest[end])
        end = sscanf(rest, ".%u.%u%n", &node, &index, &end) == 2 ? end : 0;
    return end && !rest[end];
}

static bool remove_visited(void *context, const char *name) {
    struct removal *r = context;
    if (is_managed(name + 1 + strlen(r->manager)))
        r->count += shm_arena_unlink(SHM_ARENA_SHM, name) == SHM_ARENA_OK;
    return true;
}

int shm_manager_remove(const char *name) {
    struct removal r = {.manager = name};
    shm_arena_list(name, remove_visited, &r);
    return r.count;
}
