/* dlopen. With RTLD_DEEPBIND a module would call libc's malloc and free instead of the recorder's
 * and of a preloaded allocator's, and blocks would be freed to an allocator that did not allocate
 * them: the flag is removed. libc chooses the search path by the return address, so the calls below
 * must be tail calls (-O2 makes them so; a test loads a module by its caller's search path). */
#define _GNU_SOURCE
#include "announce.h"
#include "next.h"

#include <dlfcn.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

static void *(*next_dlopen)(const char *, int);
static void *(*next_dlmopen)(Lmid_t, const char *, int);

static void find(const char *name, void *function_pointer) {
    void *symbol = next_symbol(name);
    memcpy(function_pointer, &symbol, sizeof symbol);
}

__attribute__((constructor)) static void find_both(void) {
    find("dlopen", &next_dlopen);
    find("dlmopen", &next_dlmopen);
}

EXPORT void *dlopen(const char *file, int mode) {
    if (!next_dlopen)
        find_both();
    return next_dlopen(file, mode & ~RTLD_DEEPBIND);
}

EXPORT void *dlmopen(Lmid_t space, const char *file, int mode) {
    if (!next_dlopen)
        find_both();
    if (space != LM_ID_BASE)
        announce_failure(LEDGER_NAMESPACE, 0);
    return next_dlmopen(space, file, mode & ~RTLD_DEEPBIND);
}
