/* C++'s new and delete. Those of libstdc++ and libc++ call malloc and free, where they are
 * recorded: the calls are only passed on. An allocator's own (jemalloc, mimalloc, tcmalloc,
 * tbbmalloc export them) may call malloc or not. So a new of the shared object that also serves
 * malloc is recorded here unless the call below recorded the same address just now, and a delete is
 * recorded here and a free or another delete of the same address inside it is not.
 *
 * The standard lets a program replace some forms and has the others call those: new[] calls new,
 * nothrow and sized forms call the plain one ([new.delete]). Where the program has replaced the
 * form that one of ours should call, the C++ library's definition is used, which does so, and not
 * the allocator's, which may not.
 *
 * An exception of the operator below passes through: the object is built with -fexceptions. */
#define _GNU_SOURCE
#include "log.h"
#include "next.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* The libstdc++ of a plugin loaded with RTLD_LOCAL is not in the search order: then malloc is
 * used. */
static void *new_without_library(size_t size, size_t alignment) {
    void *address = NULL;
    if (posix_memalign(&address, alignment < sizeof(void *) ? sizeof(void *) : alignment, size))
        abort(); /* C cannot throw std::bad_alloc */
    return address;
}

/* The function that an operator calls. */
struct target {
    void *_Atomic function; /* NULL: not looked up yet, or there is none */
    bool is_recorded;       /* here, not below */
};

static bool is_of_allocator(const void *function) {
    void *malloc_address;
    memcpy(&malloc_address, &next.malloc, sizeof malloc_address);
    return function && next_object(function) == next_object(malloc_address);
}

static void *definition_of_library(const char *name) {
    static const char *const libraries[] = {"libstdc++.so.6", "libc++.so.1", "libc++abi.so.1"};
    void *symbol = NULL;
    for (size_t i = 0; !symbol && i < sizeof libraries / sizeof *libraries; i++) {
        void *library = dlopen(libraries[i], RTLD_LAZY | RTLD_NOLOAD);
        if (library)
            symbol = dlsym(library, name);
    }
    return symbol;
}

/* Looks the target up at the first call. `root` and `array` are the forms that `name` has to call,
 * if the program replaced them. Every thread finds the same; release and acquire: a thread that
 * sees the function sees whether it is recorded. */
static void *find_target(struct target *target, const char *name, const char *root,
                         const char *array) {
    void *symbol = atomic_load_explicit(&target->function, memory_order_acquire);
    if (likely(symbol))
        return symbol;
    if (next_is_passed_by(root) || (array && next_is_passed_by(array)))
        symbol = definition_of_library(name);
    if (!symbol) {
        symbol = next_symbol(name);
        target->is_recorded = is_of_allocator(symbol);
    }
    atomic_store_explicit(&target->function, symbol, memory_order_release);
    return symbol;
}

#define FIND_TARGET(result, symbol_name, parameters, root, array)                                  \
    static struct target target;                                                                   \
    void *symbol = find_target(&target, #symbol_name, root, array);                                \
    result(*function) parameters;                                                                  \
    memcpy(&function, &symbol, sizeof function);

#define NEW(symbol_name, parameters, arguments, alignment, root, array)                            \
    EXPORT void *symbol_name parameters;                                                           \
    EXPORT void *symbol_name parameters {                                                          \
        FIND_TARGET(void *, symbol_name, parameters, root, array)                                  \
        if (!function)                                                                             \
            return new_without_library(size, alignment);                                           \
        const uint64_t *before = log_self.next;                                                    \
        void *address = function arguments;                                                        \
        if (target.is_recorded && !log_just_acquired(before, address))                             \
            log_acquire((alignment) ? RAW_ALIGNED : RAW_MALLOC, address, size, alignment);         \
        return address;                                                                            \
    }

#define DELETE(symbol_name, parameters, arguments, root, array)                                    \
    EXPORT void symbol_name parameters;                                                            \
    EXPORT void symbol_name parameters {                                                           \
        FIND_TARGET(void, symbol_name, parameters, root, array)                                    \
        if (!function) {                                                                           \
            free(address);                                                                         \
            return;                                                                                \
        }                                                                                          \
        bool is_outermost = target.is_recorded && log_self.releasing != address;                   \
        if (is_outermost) {                                                                        \
            log_release(RAW_FREE, address);                                                        \
            log_self.releasing = address;                                                          \
        }                                                                                          \
        function arguments;                                                                        \
        if (is_outermost)                                                                          \
            log_self.releasing = LOG_NOTHING;                                                      \
    }

NEW(_Znwm, (size_t size), (size), 0, "_Znwm", NULL)
NEW(_Znam, (size_t size), (size), 0, "_Znwm", "_Znam")
NEW(_ZnwmRKSt9nothrow_t, (size_t size, const void *tag), (size, tag), 0, "_Znwm", NULL)
NEW(_ZnamRKSt9nothrow_t, (size_t size, const void *tag), (size, tag), 0, "_Znwm", "_Znam")
NEW(_ZnwmSt11align_val_t, (size_t size, size_t align), (size, align), align, "_ZnwmSt11align_val_t",
    NULL)
NEW(_ZnamSt11align_val_t, (size_t size, size_t align), (size, align), align, "_ZnwmSt11align_val_t",
    "_ZnamSt11align_val_t")
NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, (size_t size, size_t align, const void *tag),
    (size, align, tag), align, "_ZnwmSt11align_val_t", NULL)
NEW(_ZnamSt11align_val_tRKSt9nothrow_t, (size_t size, size_t align, const void *tag),
    (size, align, tag), align, "_ZnwmSt11align_val_t", "_ZnamSt11align_val_t")
DELETE(_ZdlPv, (void *address), (address), "_ZdlPv", NULL)
DELETE(_ZdaPv, (void *address), (address), "_ZdlPv", "_ZdaPv")
DELETE(_ZdlPvm, (void *address, size_t size), (address, size), "_ZdlPv", NULL)
DELETE(_ZdaPvm, (void *address, size_t size), (address, size), "_ZdlPv", "_ZdaPv")
DELETE(_ZdlPvRKSt9nothrow_t, (void *address, const void *tag), (address, tag), "_ZdlPv", NULL)
DELETE(_ZdaPvRKSt9nothrow_t, (void *address, const void *tag), (address, tag), "_ZdlPv", "_ZdaPv")
DELETE(_ZdlPvSt11align_val_t, (void *address, size_t align), (address, align),
       "_ZdlPvSt11align_val_t", NULL)
DELETE(_ZdaPvSt11align_val_t, (void *address, size_t align), (address, align),
       "_ZdlPvSt11align_val_t", "_ZdaPvSt11align_val_t")
DELETE(_ZdlPvmSt11align_val_t, (void *address, size_t size, size_t align), (address, size, align),
       "_ZdlPvSt11align_val_t", NULL)
DELETE(_ZdaPvmSt11align_val_t, (void *address, size_t size, size_t align), (address, size, align),
       "_ZdlPvSt11align_val_t", "_ZdaPvSt11align_val_t")
DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, (void *address, size_t align, const void *tag),
       (address, align, tag), "_ZdlPvSt11align_val_t", NULL)
DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, (void *address, size_t align, const void *tag),
       (address, align, tag), "_ZdlPvSt11align_val_t", "_ZdaPvSt11align_val_t")
