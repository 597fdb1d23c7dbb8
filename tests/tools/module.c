/* A module for dlopen that frees its program's blocks. */
#include <stdlib.h>

void module_free(void *address);

void module_free(void *address) {
    free(address);
}
