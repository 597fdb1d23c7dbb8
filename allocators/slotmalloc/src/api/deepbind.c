/* dlopen without RTLD_DEEPBIND. With that flag a module calls libc's free, past any other malloc,
 * for blocks that libc's malloc never handed out.
 *
 * libc uses the caller's search path and namespace, which it finds by the return address: so the
 * calls of the real functions must be jumps, which -foptimize-sibling-calls makes them. In a
 * namespace other than the base one the program's malloc is not visible anyway: the flag is kept.
 *
 * The file is compiled twice: into libslotmalloc.so, and alone (DEEPBIND_ALONE) into
 * libnodeepbind.so, for use beside other allocators. Not into the archive: a static program has no
 * dlopen. */
#include <dlfcn.h>
#include <string.h>

#ifdef DEEPBIND_ALONE
#    define EXPORT __attribute__((visibility("default")))
static int kept_flag(void) {
    return 0;
}
#else
#    include "api/export.h"
#    include "api/init.h"
#    include "base/options.h"
static int kept_flag(void) {
    return init_ready() && options.deepbind == DEEPBIND_KEEP ? RTLD_DEEPBIND : 0;
}
#endif

typedef void *dlopen_function(const char *file, int mode);
typedef void *dlmopen_function(Lmid_t space, const char *file, int mode);

/* Weak: before glibc 2.34 only programs that link libdl have it, and only they call dlopen. */
extern __typeof__(dlsym) dlsym __attribute__((weak));

static void find(const char *name, void *function_pointer) {
    void *symbol = dlsym(RTLD_NEXT, name);
    memcpy(function_pointer, &symbol, sizeof symbol);
}

EXPORT void *dlopen(const char *file, int mode) {
    dlopen_function *next;
    find("dlopen", &next);
    return next(file, mode & (~RTLD_DEEPBIND | kept_flag()));
}

EXPORT void *dlmopen(Lmid_t space, const char *file, int mode) {
    dlmopen_function *next;
    find("dlmopen", &next);
    int kept = space == LM_ID_BASE ? kept_flag() : RTLD_DEEPBIND;
    return next(space, file, mode & (~RTLD_DEEPBIND | kept));
}
