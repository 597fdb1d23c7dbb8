/* The ledger as alloc-record uses it. */
#pragma once
#include "ledger.h"

#include <stdbool.h>

/* Creates the ledger in the directory `at` and allocates it on disk; `is_for_all`: other users may
 * write to it. NULL with errno set. */
struct ledger *ledger_create(int at, bool is_for_all);

/* Maps the ledger of an alloc-record that was killed. NULL with errno set. */
struct ledger *ledger_open(int at);

/* Notes that the process `pid` is about to execute the program to be recorded, or that it
 * failed. */
void ledger_launch(struct ledger *ledger, uint32_t pid, const char *path);
void ledger_launch_failed(struct ledger *ledger, int error);

/* Prints what could not be recorded, and why; `found` is the number of raw files found. True if
 * there is nothing to print. */
bool ledger_report(const struct ledger *ledger, uint32_t found);
