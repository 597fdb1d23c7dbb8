/* The allocator below the recorder: the next definition of each entry point in the order of the
 * dynamic linker. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct next_functions {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*aligned_alloc)(size_t, size_t);
    void *(*memalign)(size_t, size_t);
};

extern struct next_functions next;

/* Looks all of them up. False during the look-up: dlsym itself may allocate, and the caller then
 * uses bootstrap_alloc(). */
bool next_resolve(void);

/* The next definition of any symbol, or NULL. */
void *next_symbol(const char *name);

/* The shared object that contains an address, or NULL. */
const void *next_object(const void *address);

/* Whether the program's calls of `name` reach another definition than this library's. */
bool next_is_passed_by(const char *name);

/* Writes the path of the object whose malloc is called into `path`. */
void next_provider(char *path, size_t size);

/* Zeroed memory for what is allocated while next_resolve() runs; never given back. Aborts when it
 * is used up. */
void *bootstrap_alloc(size_t size);
bool bootstrap_owns(const void *address);
