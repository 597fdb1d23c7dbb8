/* The directory of a recording: raw files while the program runs, traces afterwards. */
#pragma once
#include <stdbool.h>

/* Makes `directory`; one that exists must be empty. Prints why and returns false otherwise. */
bool directory_make(const char *directory);

/* Turns each raw file into NUMBER-PROGRAM.trace, numbered in the order in which the processes
 * began, prints one line about each to stderr, and removes the raw files unless they are to be
 * kept. Returns false when a recording is incomplete. */
bool directory_finish(const char *directory, bool keep_raw);
