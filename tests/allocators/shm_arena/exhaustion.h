/* What the tests share whose system has no more to give. Each of their bodies runs in a child process
 * and returns 0 if all its CHECKs hold. */
#pragma once
#include "support.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

enum { MOST_HELD = 4096 };

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);      \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

/* Runs body in a child; fails the test unless it returns 0. */
void expect_success_in_child(int (*body)(void));

/* The same with an empty file system of this type and mount option as its /dev/shm; skips the test
 * where nobody may mount one. */
void expect_success_with_shm(int (*body)(void), const char *type, const char *option);

/* The blocks that allocate_all has allocated. */
extern struct shm_block held[MOST_HELD];
extern unsigned held_count;

/* Allocates mixed sizes until a refusal, whose code it returns; 0 when MOST_HELD were allocated. */
int allocate_all(struct shm_arena *arena);

/* Fills each held block with its own byte; whether all still hold it. */
void touch_all(void);
bool all_as_written(void);

/* Frees the held blocks; returns 0, or 1 on an error. */
int free_all(struct shm_arena *arena);
