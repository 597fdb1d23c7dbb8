/* A bench of shm-bench: one file that registers a struct bench. In every round it measures all
 * contenders in turn, so that disturbances affect them alike. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_option {
    const char *key;
    const char *fallback; /* as typed: a word, or a number with K, M, G (1024) */
    const char *help;
};

enum { BENCH_MOST_COLUMNS = 24 };

/* One row of results. The name of a column is its unit and a contender: "ns_arena". */
struct bench_row {
    unsigned count;
    struct {
        char name[48];
        double value;
    } columns[BENCH_MOST_COLUMNS];
};

struct bench {
    const char *name;                   /* as typed: lower case and underscores */
    const char *summary;                /* one sentence */
    const struct bench_option *options; /* without --rounds and --seed; ends with a NULL key */
    const char *rounds;                 /* default of --rounds */
    const char *before, *after;         /* columns whose ratio the end record gives */
    bool more_is_better;                /* the columns are rates, not costs */
    void (*setup)(void);                /* once, or NULL */
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

/* Exit with 4 because of a wrong result, or with 2 because of wrong options. */
__attribute__((format(printf, 1, 2), noreturn)) void wrong_result(const char *format, ...);
__attribute__((format(printf, 1, 2), noreturn)) void usage_error(const char *format, ...);

/* Monotonic time in ns. */
double now_ns(void);

/* xorshift64*, Vigna 2016. */
uint64_t next_random(uint64_t *state);

/* Keeps the compiler from removing the computation of a result. */
#define CONSUME(value) __asm__ volatile("" : : "r"(value))
