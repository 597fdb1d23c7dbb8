#include "base/options.h"

#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/text.h"

#define VARIABLE      "SLOTMALLOC"
#define PROBLEM_BYTES 256

enum kind { kind_size, kind_number, kind_choice, kind_path };

struct option {
    const char *name;
    enum kind kind;
    const char *choices; /* separated by '|' */
    uint64_t *value;
};

struct options options = {
#define OPTION(name, kind, initial, choices, meaning) .name = initial,
#include "base/options.def"
#undef OPTION
};

static const struct option table[] = {
#define OPTION(name, kind, initial, choices, meaning) {#name, kind_##kind, choices, &options.name},
#include "base/options.def"
#undef OPTION
};

#define OPTION_COUNT (sizeof table / sizeof table[0])

/* Part of a string. */
struct span {
    const char *at;
    size_t bytes;
};

static bool span_is(struct span span, const char *string, size_t bytes) {
    return span.bytes == bytes && memcmp(span.at, string, bytes) == 0;
}

static void text_add_span(struct text *text, struct span span) {
    char copy[64];
    size_t bytes = span.bytes < sizeof copy ? span.bytes : sizeof copy - 1;
    memcpy(copy, span.at, bytes);
    copy[bytes] = '\0';
    text_add(text, copy);
    if (bytes < span.bytes)
        text_add(text, "...");
}

static unsigned suffix_shift(char c) {
    switch (c | 0x20) {
    case 'k':
        return 10;
    case 'm':
        return 20;
    case 'g':
        return 30;
    case 't':
        return 40;
    default:
        return 0;
    }
}

/* Digits, and for sizes one suffix; "never" is no limit. */
static bool parse_number(struct span span, bool size, uint64_t *out) {
    if (span_is(span, "never", 5)) {
        *out = OPTION_NEVER;
        return true;
    }
    unsigned shift = 0;
    if (size && span.bytes > 1)
        shift = suffix_shift(span.at[span.bytes - 1]);
    if (shift != 0)
        span.bytes--;
    uint64_t value = 0;
    for (size_t i = 0; i < span.bytes; i++) {
        if (span.at[i] < '0' || span.at[i] > '9' || value > UINT64_MAX / 10 - 10)
            return false;
        value = value * 10 + (uint64_t)(span.at[i] - '0');
    }
    if (span.bytes == 0 || value << shift >> shift != value)
        return false;
    *out = value << shift;
    return true;
}

static bool parse_choice(struct span span, const char *choices, uint64_t *out) {
    for (uint64_t index = 0;; index++) {
        size_t bytes = strcspn(choices, "|");
        if (span_is(span, choices, bytes)) {
            *out = index;
            return true;
        }
        if (choices[bytes] == '\0')
            return false;
        choices += bytes + 1;
    }
}

static bool parse_path(struct span span, uint64_t *value) {
    char *path = value == &options.stats ? options.stats_path : options.trace_path;
    if (span.bytes == 0 || span.bytes >= FILE_PATH_BYTES)
        return false;
    memcpy(path, span.at, span.bytes);
    path[span.bytes] = '\0';
    *value = 1;
    return true;
}

static bool parse_value(const struct option *option, struct span span) {
    switch (option->kind) {
    case kind_choice:
        return parse_choice(span, option->choices, option->value);
    case kind_path:
        return parse_path(span, option->value);
    default:
        return parse_number(span, option->kind == kind_size, option->value);
    }
}

static const char *kind_help(const struct option *option) {
    if (option->kind == kind_choice)
        return option->choices;
    if (option->kind == kind_path)
        return "stderr or a path of less than 4096 bytes";
    return option->kind == kind_size ? "bytes, with k, m, g or t" : "a number";
}

static const struct option *option_find(struct span key) {
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (span_is(key, table[i].name, strlen(table[i].name)))
            return &table[i];
    return NULL;
}

static void parse_pair(struct span pair, struct text *problems) {
    const char *equals = memchr(pair.at, '=', pair.bytes);
    struct span key = {pair.at, equals ? (size_t)(equals - pair.at) : pair.bytes};
    const struct option *option = option_find(key);
    if (option == NULL) {
        text_add(problems, " unknown key ");
        text_add_span(problems, key);
        text_add(problems, ";");
        return;
    }
    struct span value = {equals ? equals + 1 : "", equals ? pair.bytes - key.bytes - 1 : 0};
    if (parse_value(option, value))
        return;
    text_add(problems, " ");
    text_add(problems, option->name);
    text_add(problems, " takes ");
    text_add(problems, kind_help(option));
    text_add(problems, ", not ");
    text_add_span(problems, value);
    text_add(problems, ";");
}

void options_parse(const char *string, struct text *problems) {
    while (*string != '\0') {
        size_t bytes = strcspn(string, ",");
        if (bytes > 0)
            parse_pair((struct span){string, bytes}, problems);
        string += bytes + (string[bytes] == ',');
    }
}

/* The dynamic linker may call malloc before libc has set `environ`. The initial stack is there by
 * then: the number of arguments, the arguments, NULL, the environment, NULL. */
extern void *__libc_stack_end __attribute__((weak));

static char **environment(void) {
    if (environ != NULL || &__libc_stack_end == NULL || __libc_stack_end == NULL)
        return environ;
    char **arguments = (char **)__libc_stack_end + 1;
    return arguments + *(const long *)__libc_stack_end + 1;
}

static const char *environment_value(void) {
    for (char **entry = environment(); entry != NULL && *entry != NULL; entry++)
        if (strncmp(*entry, VARIABLE "=", sizeof VARIABLE) == 0)
            return *entry + sizeof VARIABLE;
    return NULL;
}

void options_init(void) {
    char line[PROBLEM_BYTES];
    /* As glibc does with its tunables: the caller of a set-user-id program must not influence it.
     */
    const char *value = getauxval(AT_SECURE) ? NULL : environment_value();
    if (value == NULL)
        return;
    struct text problems = text_in(line, sizeof line - 1);
    options_parse(value, &problems);
    *problems.at = '\0';
    if (problems.wanted > 0)
        warn("ignored in " VARIABLE ":", line + 1); /* each starts with a space */
}
