#include "provider.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void object_at(void *address, char *path) {
    Dl_info info;
    path[0] = '\0';
    if (address && dladdr(address, &info) && info.dli_fname && !realpath(info.dli_fname, path))
        path[0] = '\0';
}

/* memtest-null is linked with --wrap=malloc: then its calls of malloc are calls of __wrap_malloc. */
bool provider_is_null(void) {
    void *wrapped = dlsym(RTLD_DEFAULT, "__wrap_malloc");
    void *(*called)(size_t) = malloc;
    return wrapped && memcmp(&called, &wrapped, sizeof called) == 0;
}

void provider_of_malloc(char *path) {
    object_at(dlsym(RTLD_DEFAULT, provider_is_null() ? "__wrap_malloc" : "malloc"), path);
}

void provider_behind_front(char *path) {
    void *symbol = dlsym(RTLD_DEFAULT, "alloclab_forwards_to");
    void *(*forwards_to)(void);
    memcpy(&forwards_to, &symbol, sizeof symbol);
    object_at(symbol ? forwards_to() : NULL, path);
}

/* A mapping's path is the sixth field of its line; a shared object's name has ".so" in its last
 * component. */
static const char *shared_object_of(char *line) {
    char *path = strchr(line, '/');
    if (!path)
        return NULL;
    path[strcspn(path, "\n")] = '\0';
    return strstr(strrchr(path, '/'), ".so") ? path : NULL;
}

void provider_each_mapped(void (*each)(const char *path, void *context), void *context) {
    static char buffer[1 << 16], line[PATH_MAX + 128], previous[PATH_MAX];
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps)
        return;
    setvbuf(maps, buffer, _IOFBF, sizeof buffer);
    while (fgets(line, sizeof line, maps)) {
        const char *path = shared_object_of(line);
        if (path && strcmp(path, previous) != 0) {
            each(path, context);
            snprintf(previous, sizeof previous, "%s", path);
        }
    }
    fclose(maps);
}
