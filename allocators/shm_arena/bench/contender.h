/* A way to allocate shared memory that takes part in a bench: one file that registers it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A block; the contender finds it by `key`. */
struct shared_block {
    void *address;
    uint64_t key;
};

struct contender {
    const char *name; /* as in a column's name */
    int place;        /* order of measuring and printing */
    bool (*open)(size_t pool_bytes);
    bool (*allocate)(size_t size, struct shared_block *block);
    void (*release)(const struct shared_block *block, size_t size);
    void (*close)(void);
    struct contender *next;
};

void contender_register(struct contender *contender);
struct contender *contender_first(void);

#ifdef __cplusplus
}
#endif

#define REGISTER_CONTENDER(variable)                                                               \
    __attribute__((constructor)) static void register_##variable(void) {                           \
        contender_register(&(variable));                                                           \
    }                                                                                              \
    struct contender /* takes the semicolon */
