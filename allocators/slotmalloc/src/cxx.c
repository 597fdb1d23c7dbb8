/* The C++ operators, under their mangled names (Itanium C++ ABI; size_t is unsigned long on both
 * targets).
 *
 * C, so that the library does not need libstdc++: the new-handler and the bad_alloc thrower are
 * weak, and are there in any process that could catch the exception. Compiled with -fexceptions, so
 * that an exception passes through. */
#include <errno.h>

#include "entry.h"
#include "export.h"
#include "slotmalloc.h"
#include "text.h"

typedef void new_handler(void);

new_handler *get_new_handler(void) __asm__("_ZSt15get_new_handlerv") __attribute__((weak));
void throw_bad_alloc(void) __asm__("_ZSt17__throw_bad_allocv") __attribute__((weak));

static void *try_alloc(size_t size, size_t align) {
    return align <= GRANULE ? slotmalloc_malloc(size) : entry_alloc(size, align, false);
}

/* The standard's loop: as long as there is a handler, it may free memory, throw, or end the
 * process. */
static void *new_nothrow(size_t size, size_t align) {
    for (;;) {
        void *p = try_alloc(size, align);
        new_handler *handler = p == NULL && get_new_handler ? get_new_handler() : NULL;
        if (p != NULL || handler == NULL)
            return p;
        handler();
    }
}

static void *new_throwing(size_t size, size_t align) {
    void *p = new_nothrow(size, align);
    if (p != NULL)
        return p;
    if (throw_bad_alloc)
        throw_bad_alloc();
    die("out of memory in operator new, and no bad_alloc to throw", NULL);
}

/* operator NAME(size_t, further parameters) under its mangled name. */
#define OPERATOR_NEW(name, mangled, function, align, ...)                                          \
    EXPORT void *name(size_t size, __VA_ARGS__) __asm__(mangled);                                  \
    void *name(size_t size, __VA_ARGS__) {                                                         \
        return function(size, align);                                                              \
    }

#define OPERATOR_DELETE(name, mangled, ...)                                                        \
    EXPORT void name(void *p, __VA_ARGS__) __asm__(mangled);                                       \
    void name(void *p, __VA_ARGS__) {                                                              \
        slotmalloc_free(p);                                                                        \
    }

#define UNUSED  __attribute__((unused))
#define NOTHROW UNUSED const void *nothrow
#define SIZE    UNUSED size_t size

EXPORT void *new_one(size_t size) __asm__("_Znwm");
EXPORT void *new_array(size_t size) __asm__("_Znam");
EXPORT void delete_one(void *p) __asm__("_ZdlPv");
EXPORT void delete_array(void *p) __asm__("_ZdaPv");

void *new_one(size_t size) {
    void *p = slotmalloc_malloc(size);
    return likely(p != NULL) ? p : new_throwing(size, GRANULE);
}

void *new_array(size_t size) {
    return new_one(size);
}

void delete_one(void *p) {
    slotmalloc_free(p);
}

void delete_array(void *p) {
    slotmalloc_free(p);
}

OPERATOR_NEW(new_one_nothrow, "_ZnwmRKSt9nothrow_t", new_nothrow, GRANULE, NOTHROW)
OPERATOR_NEW(new_array_nothrow, "_ZnamRKSt9nothrow_t", new_nothrow, GRANULE, NOTHROW)
OPERATOR_NEW(new_one_aligned, "_ZnwmSt11align_val_t", new_throwing, align, size_t align)
OPERATOR_NEW(new_array_aligned, "_ZnamSt11align_val_t", new_throwing, align, size_t align)
OPERATOR_NEW(new_one_aligned_nothrow, "_ZnwmSt11align_val_tRKSt9nothrow_t", new_nothrow, align,
             size_t align, NOTHROW)
OPERATOR_NEW(new_array_aligned_nothrow, "_ZnamSt11align_val_tRKSt9nothrow_t", new_nothrow, align,
             size_t align, NOTHROW)

OPERATOR_DELETE(delete_one_nothrow, "_ZdlPvRKSt9nothrow_t", NOTHROW)
OPERATOR_DELETE(delete_array_nothrow, "_ZdaPvRKSt9nothrow_t", NOTHROW)
OPERATOR_DELETE(delete_one_sized, "_ZdlPvm", SIZE)
OPERATOR_DELETE(delete_array_sized, "_ZdaPvm", SIZE)
OPERATOR_DELETE(delete_one_aligned, "_ZdlPvSt11align_val_t", SIZE)
OPERATOR_DELETE(delete_array_aligned, "_ZdaPvSt11align_val_t", SIZE)
OPERATOR_DELETE(delete_one_aligned_nothrow, "_ZdlPvSt11align_val_tRKSt9nothrow_t", SIZE, NOTHROW)
OPERATOR_DELETE(delete_array_aligned_nothrow, "_ZdaPvSt11align_val_tRKSt9nothrow_t", SIZE, NOTHROW)
OPERATOR_DELETE(delete_one_sized_aligned, "_ZdlPvmSt11align_val_t", SIZE, UNUSED size_t align)
OPERATOR_DELETE(delete_array_sized_aligned, "_ZdaPvmSt11align_val_t", SIZE, UNUSED size_t align)
