/* The options, read once from the environment variable SLOTMALLOC=key=value,... */
#ifndef SLOTMALLOC_OPTIONS_H
#define SLOTMALLOC_OPTIONS_H

#include "types.h"

enum { THP_OFF, THP_AUTO, THP_ALWAYS };
enum { COMMIT_AUTO, COMMIT_RESERVE, COMMIT_GROW };
enum { POOL_THREAD, POOL_CPU };
enum { CHECK_BASIC, CHECK_FULL };

#define OPTION_NEVER      UINT64_MAX
#define OPTION_PATH_BYTES 256

/* One 64-bit value per option; a path option's value is 1 when a path is set. */
struct options {
#define OPTION(name, kind, initial, choices, meaning) uint64_t name;
#include "options.def"
#undef OPTION
    char stats_path[OPTION_PATH_BYTES];
    char trace_path[OPTION_PATH_BYTES];
};

extern struct options options;

/* Reads the environment. Unknown keys and unusable values are named in one line on stderr, with the
 * cure. */
void options_init(void);

/* Applies "key=value,key=value"; complaints go to `problems`. For options_init and tests. */
struct text;
void options_parse(const char *string, struct text *problems);

#endif
