/* What the recorder inside a process writes into the ledger (ledger.h). Every call is harmless when
 * there is no ledger, keeps no descriptor and takes no lock. */
#pragma once
#include "ledger.h"

#include <stdbool.h>
#include <sys/types.h>

/* Maps the ledger of the recording in `directory`, a string that stays. False: there is none that
 * this process may open.
 */
bool announce_open(const char *directory);

/* This image has begun: strikes out the note of its execution. Only counted as one that left a raw
 * file when `has_file`. */
void announce_image(bool has_file);

/* Something of this process cannot be recorded. */
void announce_failure(enum ledger_place place, int error);

/* True when a program that starts with this environment finds the recorder. */
bool announce_is_inherited(char *const *environment);

/* The process `pid` executes `path` with this environment. Returns the entry, -1 for none. */
int announce_exec(pid_t pid, const char *path, char *const *environment);

/* It did not happen, or its image has begun. */
void announce_withdraw(int entry);

/* How many images have begun so far; and whether one in the process `pid` has since. */
uint32_t announce_image_count(void);
bool announce_has_begun(uint32_t since, pid_t pid);

/* For what the ledger cannot take because there is none, while the program has not begun: writes a
 * line to descriptor 2 if that is a terminal or a pipe, never to what may be a file with data. */
void announce_aloud(const char *line);
