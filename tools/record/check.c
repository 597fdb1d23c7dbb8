#include "check.h"

#include "memtest/trace/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int check(const char *path) {
    struct trace_error error;
    struct trace_event event;
    struct trace_reader *reader = trace_open(path, &error);
    while (reader && trace_next(reader, &event))
        ;
    if (error.text[0]) {
        fprintf(stderr, "alloc-record: %s\n", error.text);
        return 1;
    }
    const struct trace_totals *t = trace_totals(reader);
    printf("{\"events\":%" PRIu64 ",\"threads\":%" PRIu64 ",\"acquires\":%" PRIu64
           ",\"releases\":%" PRIu64,
           t->events, t->threads, t->acquires, t->releases);
    printf(",\"live_peak_bytes\":%" PRIu64 ",\"live_peak_objects\":%" PRIu64
           ",\"duration_ns\":%" PRIu64,
           t->live_peak_bytes, t->live_peak_objects, t->duration_ns);
    printf(",\"inherited\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"lost\":%" PRIu64
           ",\"torn\":%" PRIu64,
           t->inherited, t->refused, t->lost, t->torn);
    printf(",\"unseen\":%" PRIu64 ",\"unknown\":%" PRIu64 "}\n", t->unseen, t->unknown);
    trace_close(reader);
    return 0;
}

int check_all(char **paths) {
    int code = 0;
    while (*paths)
        code |= check(*paths++);
    if (fflush(stdout) != 0) {
        fprintf(stderr, "alloc-record: standard output: %s\n", strerror(errno));
        code = 1;
    }
    return code;
}
