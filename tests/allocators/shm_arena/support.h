/* What the tests of the shared-memory arena share. */
#pragma once
#include "shm_arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { KIB = 1024, MIB = 1024 * 1024 };

#define assert_ok(call) assert_code(call, SHM_ARENA_OK)
#define assert_code(call, wanted)                                                                  \
    do {                                                                                           \
        int code_ = (call);                                                                        \
        if (code_ != (wanted))                                                                     \
            fail_msg("%s: %s", #call, shm_arena_error_text(code_));                                \
    } while (0)

/* A memfd pool of `bytes` with these flags; fails the test when it cannot be made. */
struct shm_arena *pool_of(size_t bytes, unsigned flags);

/* A second handle to the same pool. */
struct shm_arena *attach_again(struct shm_arena *arena);

/* The offset of a new block, failing the test on error. */
uint64_t alloc_offset(struct shm_arena *arena, size_t size);

struct shm_arena_stats stats_of(struct shm_arena *arena);

/* Proves that nothing is lost: with no block allocated, every slot of the pool can be had as a 64
 * KiB block at once. */
void assert_whole(struct shm_arena *arena);

/* Runs body(context) in a forked child and returns its wait status. The child ends with body's
 * result. */
int in_child(int (*body)(void *context), void *context);

/* xorshift64*, Vigna 2016: fast, and the same on every machine. *state must not be 0. */
uint64_t next_random(uint64_t *state);
