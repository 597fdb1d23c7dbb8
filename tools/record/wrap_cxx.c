/* C++'s new and delete. libstdc++'s call malloc and free, which are recorded there; an allocator's
 * own (jemalloc, mimalloc, tcmalloc, tbbmalloc export them) may or may not. So a new is recorded
 * here unless the call below recorded the same address just now, and a delete is recorded here and
 * a free or another delete of the same address inside it is not. An exception of the operator below
 * passes through: the object is built with -fexceptions. */
#define _GNU_SOURCE
#include "log.h"
#include "next.h"

#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* A plugin loaded with RTLD_LOCAL brings a libstdc++ that is not in the search order: then malloc
 * must do. */
static void *new_without_library(size_t size, size_t alignment) {
    void *address = NULL;
    if (posix_memalign(&address, alignment < sizeof(void *) ? sizeof(void *) : alignment, size))
        abort(); /* nobody here can throw std::bad_alloc */
    return address;
}

/* The next definition of an operator, looked up at the first call; every thread finds the same one
 * (relaxed). */
static void *next_operator(void *_Atomic *known, const char *name) {
    void *symbol = atomic_load_explicit(known, memory_order_relaxed);
    if (unlikely(!symbol)) {
        symbol = next_symbol(name);
        atomic_store_explicit(known, symbol, memory_order_relaxed);
    }
    return symbol;
}

#define FIND_NEXT(result, symbol_name, parameters)                                                 \
    static void *_Atomic known;                                                                    \
    void *symbol = next_operator(&known, #symbol_name);                                            \
    result(*function) parameters;                                                                  \
    memcpy(&function, &symbol, sizeof function);

#define NEW(symbol_name, parameters, arguments, alignment)                                         \
    EXPORT void *symbol_name parameters;                                                           \
    EXPORT void *symbol_name parameters {                                                          \
        FIND_NEXT(void *, symbol_name, parameters)                                                 \
        if (!function)                                                                             \
            return new_without_library(size, alignment);                                           \
        const uint64_t *before = log_self.next;                                                    \
        void *address = function arguments;                                                        \
        if (!log_just_acquired(before, address))                                                   \
            log_acquire((alignment) ? RAW_ALIGNED : RAW_MALLOC, address, size, alignment);         \
        return address;                                                                            \
    }

#define DELETE(symbol_name, parameters, arguments)                                                 \
    EXPORT void symbol_name parameters;                                                            \
    EXPORT void symbol_name parameters {                                                           \
        FIND_NEXT(void, symbol_name, parameters)                                                   \
        if (!function) {                                                                           \
            free(address);                                                                         \
            return;                                                                                \
        }                                                                                          \
        bool is_inner = log_self.releasing == address;                                             \
        if (!is_inner)                                                                             \
            log_release(RAW_FREE, address);                                                        \
        log_self.releasing = address;                                                              \
        function arguments;                                                                        \
        if (!is_inner)                                                                             \
            log_self.releasing = LOG_NOTHING;                                                      \
    }

NEW(_Znwm, (size_t size), (size), 0)
NEW(_Znam, (size_t size), (size), 0)
NEW(_ZnwmRKSt9nothrow_t, (size_t size, const void *tag), (size, tag), 0)
NEW(_ZnamRKSt9nothrow_t, (size_t size, const void *tag), (size, tag), 0)
NEW(_ZnwmSt11align_val_t, (size_t size, size_t align), (size, align), align)
NEW(_ZnamSt11align_val_t, (size_t size, size_t align), (size, align), align)
NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, (size_t size, size_t align, const void *tag),
    (size, align, tag), align)
NEW(_ZnamSt11align_val_tRKSt9nothrow_t, (size_t size, size_t align, const void *tag),
    (size, align, tag), align)

DELETE(_ZdlPv, (void *address), (address))
DELETE(_ZdaPv, (void *address), (address))
DELETE(_ZdlPvm, (void *address, size_t size), (address, size))
DELETE(_ZdaPvm, (void *address, size_t size), (address, size))
DELETE(_ZdlPvRKSt9nothrow_t, (void *address, const void *tag), (address, tag))
DELETE(_ZdaPvRKSt9nothrow_t, (void *address, const void *tag), (address, tag))
DELETE(_ZdlPvSt11align_val_t, (void *address, size_t align), (address, align))
DELETE(_ZdaPvSt11align_val_t, (void *address, size_t align), (address, align))
DELETE(_ZdlPvmSt11align_val_t, (void *address, size_t size, size_t align), (address, size, align))
DELETE(_ZdaPvmSt11align_val_t, (void *address, size_t size, size_t align), (address, size, align))
DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, (void *address, size_t align, const void *tag),
       (address, align, tag))
DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, (void *address, size_t align, const void *tag),
       (address, align, tag))
