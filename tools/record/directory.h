/* The directory of a recording: while the program runs it holds a work folder `recording-XXXXXX`
 * with the ledger and the raw files, afterwards traces. */
#pragma once
#include "ledger.h"

#include <limits.h>
#include <stdbool.h>

struct directory {
    const char *name; /* as the user gave it, for messages */
    int at;           /* its descriptor */
    int work_at;      /* that of the work folder */
    char work_name[32];
    char work_path[PATH_MAX]; /* absolute */
    struct ledger *ledger;
};

/* Makes the directory, the work folder and the ledger; a directory that exists must be empty.
 * Prints why and returns an exit code when that fails; 0. */
int directory_make(struct directory *directory, const char *name);

/* Opens one whose alloc-record was killed. Prints why and returns false when there is none. */
bool directory_open(struct directory *directory, const char *name);

/* Turns each recorded process into NUMBER-PROGRAM.trace, numbered in the order in which they began,
 * and prints one line about each to stderr, and what could not be recorded. Then removes the work
 * folder unless it is to be kept. Returns false when the recording is incomplete. */
bool directory_finish(struct directory *directory, bool keep_raw);

/* Removes the work folder. */
void directory_clean(struct directory *directory);
