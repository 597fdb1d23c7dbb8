#include "value.h"

#include "nearest.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a suffix multiplies by: k, m, g, t; powers of 1024 for bytes, of 1000 for counts. 0: no such
 * suffix. */
static uint64_t suffix_factor(const char *suffix, bool bytes) {
    static const char letters[] = "kmgt";
    if (!*suffix)
        return 1;
    const char *letter = strchr(letters, tolower((unsigned char)*suffix));
    const char *rest = suffix + 1;
    if (!letter ||
        !(*rest == '\0' || (bytes && (strcmp(rest, "iB") == 0 || strcmp(rest, "B") == 0))))
        return 0;
    uint64_t factor = 1;
    for (const char *step = letters; step <= letter; step++)
        factor *= bytes ? 1024 : 1000;
    return factor;
}

static bool parse_number(const struct option_spec *spec, const char *text, uint64_t *number) {
    char *end;
    errno = 0;
    if (!isdigit((unsigned char)text[0]))
        return false;
    uint64_t value = strtoull(text, &end, 0);
    uint64_t factor = suffix_factor(end, spec->type == OPTION_BYTES);
    return errno == 0 && factor && !__builtin_mul_overflow(value, factor, number);
}

static bool parse_real(const char *text, double *real) {
    char *end;
    errno = 0;
    *real = strtod(text, &end);
    return end != text && *end == '\0' && errno == 0 && *real - *real == 0; /* finite */
}

/* The place of `text` among `choices`; remembers the nearest on the way. */
static bool parse_choice(const char *choices, const char *text, uint64_t *place, char *nearest_name,
                         size_t bytes) {
    char copy[256];
    snprintf(copy, sizeof copy, "%s", choices);
    struct nearest nearest = {.wanted = text};
    uint64_t i = 0;
    char *rest = copy;
    for (char *choice; (choice = strsep(&rest, "|")); i++) {
        if (strcmp(choice, text) == 0) {
            *place = i;
            return true;
        }
        nearest_consider(&nearest, choice);
    }
    snprintf(nearest_name, bytes, "%s", nearest.name);
    return false;
}

static bool in_bounds(const struct option_spec *spec, double number) {
    return number >= spec->min && number <= spec->max;
}

bool value_parse(const struct option_spec *spec, const char *text, struct option_value *value,
                 char *complaint, size_t complaint_bytes) {
    char nearest[64];
    switch (spec->type) {
    case OPTION_COUNT:
    case OPTION_BYTES:
        if (parse_number(spec, text, &value->number) && in_bounds(spec, (double)value->number))
            return true;
        snprintf(complaint, complaint_bytes, "--%s %s: give a whole number from %.17g to %.17g%s",
                 spec->key, text, spec->min, spec->max,
                 spec->type == OPTION_BYTES ? " bytes (K, M, G are understood)" : "");
        return false;
    case OPTION_REAL:
        if (parse_real(text, &value->real) && in_bounds(spec, value->real))
            return true;
        snprintf(complaint, complaint_bytes, "--%s %s: give a number from %g to %g", spec->key,
                 text, spec->min, spec->max);
        return false;
    case OPTION_CHOICE:
        value->text = text;
        if (parse_choice(spec->choices, text, &value->number, nearest, sizeof nearest))
            return true;
        snprintf(complaint, complaint_bytes, "--%s %s: choose one of %s; nearest is %s", spec->key,
                 text, spec->choices, nearest);
        return false;
    case OPTION_TEXT:
        value->text = text;
        return true;
    case OPTION_FLAG:
        value->number = text[0] == '1';
        return true;
    }
    return false;
}
