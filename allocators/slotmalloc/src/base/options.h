/* The options, read once from the environment variable SLOTMALLOC=key=value,... */
#ifndef SLOTMALLOC_OPTIONS_H
#define SLOTMALLOC_OPTIONS_H

#include "base/file.h"
#include "base/types.h"

enum { THP_OFF, THP_AUTO, THP_ALWAYS };
enum { POOL_THREAD, POOL_CPU };
enum { CHECK_BASIC, CHECK_FULL };
enum { DEEPBIND_STRIP, DEEPBIND_KEEP };

#define OPTION_NEVER UINT64_MAX

/* ThreadSanitizer supports only the uppermost addresses of a process. */
#ifdef __SANITIZE_THREAD__
#    define RESERVE_BYTES (1ull << 36)
#else
#    define RESERVE_BYTES (1ull << 40)
#endif

/* One 64-bit value per option; a path option's value is 1 when a path is set. */
struct options {
#define OPTION(name, kind, initial, choices, meaning) uint64_t name;
#include "base/options.def"
#undef OPTION
    char stats_path[FILE_PATH_BYTES];
    char trace_path[FILE_PATH_BYTES];
};

extern struct options options;

static inline bool options_check_full(void) {
    return unlikely(options.check == CHECK_FULL);
}

/* Reads the environment, unless the program has rights that its caller lacks (AT_SECURE). Unknown
 * keys and unusable values are named in one line on stderr, with what is accepted. */
void options_init(void);

/* Applies "key=value,key=value"; errors are appended to `problems`. For options_init and tests. */
struct text;
void options_parse(const char *string, struct text *problems);

#endif
