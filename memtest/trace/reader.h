/* Reads a trace file event by event, in the order in which they happened. Nothing it needs comes
 * from malloc: the allocator under test must not be disturbed before the measured region.
 *
 *     struct trace_reader *reader = trace_open(path, &error);
 *     while (trace_next(reader, &event)) ...
 *     if (trace_failed(reader)) ... error.text
 *
 * A file that is cut off, changed in any byte or inconsistent is refused with the offset of the
 * chunk in which that shows. Nothing about the file may be relied on before trace_next() has
 * returned false without a failure: the END chunk is read then. */
#pragma once
#include "format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trace_error {
    char text[320]; /* "FILE: offset N: what is wrong"; empty when nothing is */
};

struct trace_event {
    uint64_t number; /* its place in the trace, from 0 */
    enum trace_op op;
    uint32_t thread;    /* from 0 */
    uint64_t size;      /* bytes, of events that acquire */
    uint64_t alignment; /* of TRACE_ALIGNED: a power of two */
    uint64_t back;      /* of events that release: the acquisition is number - back; 0: NULL */
};

struct trace_reader;

/* Maps the file and checks its head; NULL and error->text when that fails. */
struct trace_reader *trace_open(const char *path, struct trace_error *error);

/* Gives the next event; false at the end or after a failure, which is then in the error given to
 * trace_open(). */
bool trace_next(struct trace_reader *reader, struct trace_event *event);

bool trace_failed(const struct trace_reader *reader);

/* Begins again with the first event. */
void trace_rewind(struct trace_reader *reader);

/* The totals; valid once trace_next() has found the end. */
const struct trace_totals *trace_totals(const struct trace_reader *reader);

void trace_close(struct trace_reader *reader);
