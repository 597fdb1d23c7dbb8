/* The entries that the recorder inside a process makes in the ledger (ledger.h). Without a ledger
 * the functions do nothing. They keep no descriptor open and take no lock. */
#pragma once
#include "ledger.h"

#include <stdbool.h>
#include <sys/types.h>

/* Maps the ledger of the recording in `directory`, a string that must stay valid. False if there is
 * none that this process may open. */
bool announce_open(const char *directory);

/* This program image has begun: removes the note of its execution. With `has_file` it is counted
 * among those that have a raw file. */
void announce_image(bool has_file);

/* Notes that something of this process cannot be recorded. */
void announce_failure(enum ledger_place place, int error);

/* Whether a program that starts with this environment loads the recorder. */
bool announce_is_inherited(char *const *environment);

/* Notes that the process `pid` executes `path` with this environment. Returns the entry, or -1. */
int announce_exec(pid_t pid, const char *path, char *const *environment);

/* Removes the note: the execution failed, or its image has begun. */
void announce_withdraw(int entry);

/* How many images have begun so far, and whether one of the process `pid` has begun since. */
uint32_t announce_image_count(void);
bool announce_has_begun(uint32_t since, pid_t pid);

/* For failures before the program has begun, when there is no ledger: writes a line to descriptor 2
 * if that is a terminal or a pipe, and never to a file, which may be the program's data. */
void announce_on_stderr(const char *line);
