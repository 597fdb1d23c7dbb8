/* The directory of a recording: while the program runs, it holds a work directory
 * `recording-XXXXXX` with the ledger and the raw files; afterwards it holds traces. */
#pragma once
#include "ledger.h"

#include <limits.h>
#include <stdbool.h>

struct directory {
    const char *name; /* as the user gave it, for messages */
    int at;           /* its descriptor */
    int work_at;      /* that of the work directory */
    char work_name[32];
    char work_path[PATH_MAX]; /* absolute */
    struct ledger *ledger;
};

/* Creates the directory, the work directory and the ledger; a directory that exists must be empty.
 * Returns 0, or prints the reason and returns an exit code. */
int directory_make(struct directory *directory, const char *name);

/* Opens a recording whose alloc-record was killed. False, with a message, if there is none. */
bool directory_open(struct directory *directory, const char *name);

/* Converts each recorded process into NUMBER-PROGRAM.trace, numbered in the order of their starts,
 * prints a line about each to stderr, and what could not be recorded. Then removes the work
 * directory unless it is to be kept. Returns false if the recording is incomplete. */
bool directory_finish(struct directory *directory, bool keep_raw);

/* Removes the work directory. */
void directory_clean(struct directory *directory);
