/*
 * What the allocator tests share: recognisable block contents, children that may crash or hang,
 * and assertions that are safe in any thread.
 */
#ifndef CONFORMANCE_SUPPORT_H
#define CONFORMANCE_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* cmocka's assertions jump, so only its own thread may use them; `require` aborts anywhere. */
#define require(condition) ((condition) ? (void)0 : require_failed(#condition, __FILE__, __LINE__))
__attribute__((noreturn)) void require_failed(const char *condition, const char *file, int line);

/* Ends an expected call from being optimised away, and hides a size from compile-time warnings. */
static inline void *opaque(void *pointer) {
    __asm__ volatile("" : "+r"(pointer) : : "memory");
    return pointer;
}
static inline size_t opaque_size(size_t bytes) {
    __asm__ volatile("" : "+r"(bytes));
    return bytes;
}

/* Fills `bytes` bytes with a sequence that only `stamp` produces. */
void pattern_fill(void *block, size_t bytes, uint64_t stamp);
/* True when the first `bytes` bytes are what pattern_fill(block, >= bytes, stamp) wrote. */
bool pattern_holds(const void *block, size_t bytes, uint64_t stamp);
bool is_filled_with(const void *block, size_t bytes, unsigned char value);

/* SplitMix64 (Steele, Lea and Flood 2014): a small generator whose whole state is one word. */
uint64_t random_next(uint64_t *state);
/* A size up to `limit`, every power of two being about as likely as any other. */
size_t random_size(uint64_t *state, size_t limit);

enum { CHILD_TEXT_BYTES = 1024 };
struct outcome {
    bool timed_out;
    int exit_code;               /* -1 when a signal ended the child */
    int signal;                  /* 0 when the child ended by itself */
    char text[CHILD_TEXT_BYTES]; /* what it wrote to standard error */
};
/* Runs body(argument) in a child for at most `seconds`; a body that returns exits with 0. */
struct outcome child_run(void (*body)(void *), void *argument, unsigned seconds);
/* True when the child ended with 0; otherwise says on standard error how it ended. */
bool child_succeeds(void (*body)(void *), void *argument, unsigned seconds);

/* Memory of the process; always 0 under a sanitizer, whose own memory would drown the tested. */
size_t resident_bytes(void);

/*
 * A cmocka group set-up: fails unless malloc comes from a file whose name holds the value of
 * EXPECT_MALLOC_FROM, so that a preload that did not work cannot pass for a tested allocator.
 */
int provider_is_expected(void **state);

#ifdef __cplusplus
}
#endif
#endif
