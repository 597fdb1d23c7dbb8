/* Turns a raw file into a trace: addresses become objects, the numbers of the threads one order. */
#pragma once
#include "memtest/trace/format.h"
#include "raw_image.h"

#include <stdbool.h>

/* Converts a process into the trace `to` of the directory `at` and fills in `totals`. The trace
 * gets its name when it is whole. False, with a message, when it cannot be written; nothing is left
 * then.
 */
bool convert(const struct raw_image *image, const struct raw_process *process, int at,
             const char *to, struct trace_totals *totals);
