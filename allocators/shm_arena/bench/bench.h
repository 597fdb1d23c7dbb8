/* What a bench of shm-bench is: one file that registers a struct bench. It measures all ways of
 * doing the same work turn by turn, in every round, so that whatever disturbs the machine disturbs
 * them alike. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_option {
    const char *key;
    const char *fallback; /* as a user would type it: a number with K, M, G (1024), or a word */
    const char *help;
};

enum { BENCH_MOST_COLUMNS = 24 };

/* One row of results. A column is a way of doing the work and its unit: "ns_arena". */
struct bench_row {
    unsigned count;
    struct {
        char name[48];
        double value;
    } columns[BENCH_MOST_COLUMNS];
};

struct bench {
    const char *name;    /* as typed: lower case and underscores */
    const char *summary; /* one sentence */
    const struct bench_option
        *options;               /* ends with a NULL key; --rounds and --seed are always there */
    const char *rounds;         /* default of --rounds */
    const char *before, *after; /* columns whose ratio the end record gives */
    bool more_is_better;        /* the columns are rates, not costs */
    void (*setup)(void);        /* once, or NULL */
    void (*round)(unsigned round, struct bench_row *row);
    struct bench *next;
};

void bench_register(struct bench *bench);
#define REGISTER_BENCH(variable)                                                                   \
    __attribute__((constructor)) static void register_##variable(void) {                           \
        bench_register(&(variable));                                                               \
    }                                                                                              \
    struct bench /* takes the semicolon */

/* The value of an option of the running bench. */
uint64_t option_number(const char *key);
const char *option_text(const char *key);
uint64_t option_seed(void);

/* Adds a column to a row; the name is printf style. */
__attribute__((format(printf, 3, 4))) void row_add(struct bench_row *row, double value,
                                                   const char *format, ...);

/* Ends with 4: something that was measured gave a wrong result. Or with 2: the options contradict
 * each other. */
__attribute__((format(printf, 1, 2), noreturn)) void wrong_result(const char *format, ...);
__attribute__((format(printf, 1, 2), noreturn)) void usage_error(const char *format, ...);

/* Monotonic time in ns. */
double now_ns(void);

/* xorshift64*, Vigna 2016. */
uint64_t next_random(uint64_t *state);

/* Keeps the compiler from throwing a result away. */
#define CONSUME(value) __asm__ volatile("" : : "r"(value))
