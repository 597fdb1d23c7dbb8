/* The C++ operators, under their mangled names (Itanium C++ ABI; size_t is unsigned long on both
 * targets).
 *
 * A program may replace some of them, and the others must then call its own ([new.delete]): each
 * form calls the one that the standard names, by its symbol. All are weak: a program's own win,
 * also over the archive.
 *
 * C, so that the library does not need libstdc++: the symbols needed when memory has run out are
 * weak, and exist in any process that could catch the exception. Compiled with -fexceptions, so
 * that an exception passes through. */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "api/catch.h"
#include "api/export.h"
#include "api/malloc.h"
#include "base/text.h"
#include "slotmalloc.h"

typedef void new_handler(void);
typedef void *two_sizes(size_t size, size_t align);

new_handler *get_new_handler(void) __asm__("_ZSt15get_new_handlerv") __attribute__((weak));
void throw_bad_alloc(void) __asm__("_ZSt17__throw_bad_allocv") __attribute__((weak));
extern __typeof__(dlopen) dlopen __attribute__((weak)); /* a static program has none */
extern __typeof__(dlsym) dlsym __attribute__((weak));

#define OPERATOR(type, name, mangled, ...)                                                         \
    EXPORT type name(__VA_ARGS__) __asm__(mangled) __attribute__((weak))

#define UNUSED __attribute__((unused))
#define TAG    UNUSED const void *nothrow
#define SIZE   UNUSED size_t size
#define ALIGN  UNUSED size_t align

OPERATOR(void *, new_one, "_Znwm", size_t size);
OPERATOR(void *, new_array, "_Znam", size_t size);
OPERATOR(void *, new_one_aligned, "_ZnwmSt11align_val_t", size_t size, size_t align);
OPERATOR(void *, new_array_aligned, "_ZnamSt11align_val_t", size_t size, size_t align);
OPERATOR(void, delete_one, "_ZdlPv", void *p);
OPERATOR(void, delete_array, "_ZdaPv", void *p);
OPERATOR(void, delete_one_aligned, "_ZdlPvSt11align_val_t", void *p, size_t align);
OPERATOR(void, delete_array_aligned, "_ZdaPvSt11align_val_t", void *p, size_t align);

static void *try_alloc(size_t size, size_t align) {
    return align <= GRANULE ? slotmalloc_malloc(size) : entry_alloc(size, align, false);
}

static bool runtime_is_linked(void) {
    return get_new_handler != NULL && throw_bad_alloc != NULL;
}

/* The operator of a C++ library that was loaded after this one, with a plugin perhaps: it calls
 * handlers and throws. NULL: the process has none. */
static two_sizes *library_operator(const char *mangled) {
    static const char *const libraries[] = {"libstdc++.so.6", "libc++.so.1", "libc++abi.so.1"};
    two_sizes *function = NULL;
    for (size_t i = 0; function == NULL && i < sizeof libraries / sizeof *libraries; i++) {
        void *library = dlopen ? dlopen(libraries[i], RTLD_LAZY | RTLD_NOLOAD) : NULL;
        void *symbol = library ? dlsym(library, mangled) : NULL;
        memcpy(&function, &symbol, sizeof symbol);
    }
    return function;
}

/* The standard's loop: as long as there is a handler, it may free memory, throw, or end the
 * process. */
static __attribute__((noinline, cold)) void *new_failed(size_t size, size_t align) {
    if (!runtime_is_linked()) {
        two_sizes *other = library_operator(align <= GRANULE ? "_Znwm" : "_ZnwmSt11align_val_t");
        if (other != NULL)
            return other(size, align);
        die("out of memory in operator new, and no bad_alloc to throw", NULL);
    }
    void *p = NULL;
    while (p == NULL) {
        new_handler *handler = get_new_handler();
        if (handler == NULL)
            throw_bad_alloc();
        handler();
        p = try_alloc(size, align);
    }
    return p;
}

static void *own_new(size_t size) {
    void *p = slotmalloc_malloc(size);
    return likely(p != NULL) ? p : new_failed(size, GRANULE);
}

static void *own_new_aligned(size_t size, size_t align) {
    void *p = try_alloc(size, align);
    return likely(p != NULL) ? p : new_failed(size, align);
}

void *new_one(size_t size) {
    return own_new(size);
}

void *new_one_aligned(size_t size, size_t align) {
    return own_new_aligned(size, align);
}

void *new_array(size_t size) {
    return new_one(size);
}

void *new_array_aligned(size_t size, size_t align) {
    return new_one_aligned(size, align);
}

void delete_one(void *p) {
    slotmalloc_free(p);
}

void delete_one_aligned(void *p, ALIGN) {
    slotmalloc_free(p);
}

void delete_array(void *p) {
    delete_one(p);
}

void delete_array_aligned(void *p, size_t align) {
    delete_one_aligned(p, align);
}

/* Nothrow forms call the throwing ones and catch. While those are this library's, memory is
 * allocated directly first. */
static void *new_nothrow(two_sizes *form, bool replaced, size_t size, size_t align) {
    void *p = replaced ? NULL : try_alloc(size, align);
    if (likely(p != NULL))
        return p;
    if (cxx_caught != NULL && begin_catch != NULL)
        return cxx_caught(form, size, align);
    if (replaced)
        return form(size, align);
    two_sizes *other = library_operator(align <= GRANULE ? "_ZnwmRKSt9nothrow_t"
                                                         : "_ZnwmSt11align_val_tRKSt9nothrow_t");
    return other != NULL ? other(size, align) : NULL; /* the last parameter is not used */
}

static void *call_one(size_t size, ALIGN) {
    return new_one(size);
}

static void *call_array(size_t size, ALIGN) {
    return new_array(size);
}

/* This library's definitions, whatever the symbols resolve to. */
#define OWN(name, mangled) static __typeof__(name) own_##name __attribute__((alias(mangled)))
OWN(new_one, "_Znwm");
OWN(new_array, "_Znam");
OWN(new_one_aligned, "_ZnwmSt11align_val_t");
OWN(new_array_aligned, "_ZnamSt11align_val_t");
#define IS_REPLACED(name) (name != own_##name)

#define NEW_NOTHROW(name, mangled, form, replaced, align, ...)                                     \
    OPERATOR(void *, name, mangled, size_t size, __VA_ARGS__);                                     \
    void *name(size_t size, __VA_ARGS__) {                                                         \
        return new_nothrow(form, replaced, size, align);                                           \
    }

NEW_NOTHROW(new_one_nothrow, "_ZnwmRKSt9nothrow_t", call_one, IS_REPLACED(new_one), GRANULE, TAG)
NEW_NOTHROW(new_array_nothrow, "_ZnamRKSt9nothrow_t", call_array,
            IS_REPLACED(new_one) || IS_REPLACED(new_array), GRANULE, TAG)
NEW_NOTHROW(new_one_aligned_nothrow, "_ZnwmSt11align_val_tRKSt9nothrow_t", new_one_aligned,
            IS_REPLACED(new_one_aligned), align, size_t align, TAG)
NEW_NOTHROW(new_array_aligned_nothrow, "_ZnamSt11align_val_tRKSt9nothrow_t", new_array_aligned,
            IS_REPLACED(new_one_aligned) || IS_REPLACED(new_array_aligned), align, size_t align,
            TAG)

/* operator delete with parameters that only choose the form: calls the one without. */
#define DELETE(name, mangled, call, ...)                                                           \
    OPERATOR(void, name, mangled, void *p, __VA_ARGS__);                                           \
    void name(void *p, __VA_ARGS__) {                                                              \
        call;                                                                                      \
    }

DELETE(delete_one_sized, "_ZdlPvm", delete_one(p), SIZE)
DELETE(delete_array_sized, "_ZdaPvm", delete_array(p), SIZE)
DELETE(delete_one_nothrow, "_ZdlPvRKSt9nothrow_t", delete_one(p), TAG)
DELETE(delete_array_nothrow, "_ZdaPvRKSt9nothrow_t", delete_array(p), TAG)
DELETE(delete_one_sized_aligned, "_ZdlPvmSt11align_val_t", delete_one_aligned(p, align), SIZE,
       size_t align)
DELETE(delete_array_sized_aligned, "_ZdaPvmSt11align_val_t", delete_array_aligned(p, align), SIZE,
       size_t align)
DELETE(delete_one_aligned_nothrow, "_ZdlPvSt11align_val_tRKSt9nothrow_t",
       delete_one_aligned(p, align), size_t align, TAG)
DELETE(delete_array_aligned_nothrow, "_ZdaPvSt11align_val_tRKSt9nothrow_t",
       delete_array_aligned(p, align), size_t align, TAG)
