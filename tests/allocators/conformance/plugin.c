/* A library for test_dlopen: it allocates when loaded, in thread-local storage, and frees at
 * unload. */
#include <stdlib.h>
#include <string.h>

static char *at_load;
static __thread char *per_thread;

char *plugin_block(size_t size);

__attribute__((constructor)) static void plugin_load(void) {
    at_load = malloc(3000);
    memset(at_load, 1, 3000);
}

__attribute__((destructor)) static void plugin_unload(void) {
    free(at_load);
    free(per_thread);
}

/* A block from inside the library, for the caller to free; the one before is freed here. */
char *plugin_block(size_t size) {
    free(per_thread);
    per_thread = malloc(size);
    memset(per_thread, 2, size);
    return strdup("from the plugin");
}
