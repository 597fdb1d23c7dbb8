/* Converts a raw file into a trace: addresses become objects, and the events of all threads are put
 * in the order of their numbers. */
#pragma once
#include "memtest/trace/format.h"
#include "raw_image.h"

#include <stdbool.h>

/* Converts a process into the trace `to` of the directory `at` and fills in `totals`. The trace
 * gets its name when it is complete. False, with a message and without a file, if it cannot be
 * written. */
bool convert(const struct raw_image *image, const struct raw_process *process, int at,
             const char *to, struct trace_totals *totals);
