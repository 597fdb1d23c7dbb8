/* Formats text in a caller's buffer, without allocating: for messages, JSON and traces. */
#ifndef SLOTMALLOC_TEXT_H
#define SLOTMALLOC_TEXT_H

#include "base/types.h"

struct text {
    char *at;      /* next byte */
    char *end;     /* one beyond the last usable byte */
    size_t wanted; /* bytes that a large enough buffer would hold */
    char last;     /* last one added, whether it fitted or not */
};

static inline struct text text_in(char *buffer, size_t bytes) {
    return (struct text){buffer, buffer + bytes, 0, '\0'};
}

/* Append; what does not fit is counted in `wanted` and dropped. */
void text_add(struct text *text, const char *string);
void text_add_number(struct text *text, uint64_t value);
void text_add_hex(struct text *text, uint64_t value);

/* One line to stderr: "slotmalloc: WHAT (ADDRESS)", then abort. For corruption by the program. No
 * line when descriptor 2 is another file than at the start: it may hold data. */
__attribute__((noreturn, cold)) void die(const char *what, const void *address);

/* One line to stderr: "slotmalloc: WHAT DETAIL". */
void warn(const char *what, const char *detail);

/* The same for output that the program asked for: to descriptor 2 as it is now, as libc does. */
void tell(const char *what, const char *detail);

/* One line to stderr: "slotmalloc: WHAT PATH: REASON". */
void warn_of_file(const char *what, const char *path, const char *reason);

#endif
