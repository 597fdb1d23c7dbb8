/*
 * Tells whether a library serves malloc to this very process: LD_PRELOAD=LIBRARY serves_malloc
 * LIBRARY
 *
 * Exit code 0 only when the dynamic linker resolves malloc into that file and allocation works. A
 * preload that fails is only a warning of the loader, and the program would go on with libc's
 * malloc.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_malloc_in(const char *library) {
    Dl_info info;
    char wanted[PATH_MAX], found[PATH_MAX];
    return dladdr((void *)malloc, &info) && realpath(info.dli_fname, found) &&
           realpath(library, wanted) && strcmp(found, wanted) == 0;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: LD_PRELOAD=LIBRARY serves_malloc LIBRARY\n");
        return 2;
    }
    char *small = malloc(100), *grown = realloc(small, 100000), *large = calloc(1, 10 << 20);
    free(grown);
    free(large);
    return grown && large && is_malloc_in(argv[1]) ? 0 : 1;
}
