/* The ledger as alloc-record uses it. */
#pragma once
#include "ledger.h"

#include <stdbool.h>

/* Makes the ledger in the directory `at`, whole on the disk, for other users too when
 * `is_for_all`. NULL with errno set. */
struct ledger *ledger_create(int at, bool is_for_all);

/* Maps the one that a killed alloc-record left. NULL with errno set. */
struct ledger *ledger_open(int at);

/* The process `pid` is about to execute the program that is to be recorded; or could not. */
void ledger_launch(struct ledger *ledger, uint32_t pid, const char *path);
void ledger_launch_failed(struct ledger *ledger, int error);

/* Prints what could not be recorded, and why; `found` is the number of raw files that were found.
 * True: there was nothing to say. */
bool ledger_report(const struct ledger *ledger, uint32_t found);
