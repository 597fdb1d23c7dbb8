/* Turns a raw file into a trace: addresses become objects, the numbers of the threads one order. */
#pragma once
#include "memtest/trace/format.h"

#include <stdbool.h>

/* Converts directory/raw_name into the trace `to` and fills in `totals`. A forked process needs its
 * parent's raw file in the same directory. False, with a message, when the raw file cannot be read.
 */
bool convert(const char *directory, const char *raw_name, const char *to,
             struct trace_totals *totals);
