/* Writes a trace file: events are gathered in columns and written a chunk at a time. */
#pragma once
#include "memtest/trace/format.h"

#include <stdbool.h>
#include <stddef.h>

struct trace_writer;

/* Creates the file `name`.part in the directory `at` and writes its head and `meta`, a JSON text.
 * writer_close() reports if this or a later write failed. */
struct trace_writer *writer_open(int at, const char *name, const char *meta);

/* Appends the next event; `size`, `align_log2` and `back` are used if its op has them. Returns its
 * number. */
uint64_t writer_event(struct trace_writer *writer, uint32_t thread, enum trace_op op, uint64_t size,
                      unsigned align_log2, uint64_t back);

/* Marks the next event as happening `ns` nanoseconds after the program's start. */
void writer_mark(struct trace_writer *writer, uint64_t ns);

/* Writes the rest and the totals, whose `events` and `threads` it fills in, closes the file and
 * gives it its name. False, with a message and without a file, if a write failed. */
bool writer_close(struct trace_writer *writer, struct trace_totals *totals);

/* Removes the file that is being written, if any; may be called by a signal handler. */
void writer_abandon(void);
