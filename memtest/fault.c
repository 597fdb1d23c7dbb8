#include "fault.h"

#include "exit_codes.h"
#include "json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void worker_no_memory(struct worker *w, const char *call, size_t size) {
    if (size == 0)
        return;
    fflush(stdout);
    fprintf(stderr,
            "memtest: %s of %zu bytes failed in workload %s, thread %u, after %" PRIu64
            " operations\n",
            call, size, w->workload, w->index, worker_ops(w));
    _exit(EXIT_NULL);
}

static void record_fault(FILE *out, const struct worker *w, const char *what) {
    fputs("{\"record\":\"fault\"", out);
    json_text(out, "what", what);
    json_text(out, "workload", w->workload);
    json_number(out, "thread", w->index);
    json_number(out, "round", w->round);
    json_number(out, "ops", worker_ops(w));
    fputs("}\n", out);
    fflush(out);
}

void worker_fault(struct worker *w, const char *format, ...) {
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    flockfile(stdout); /* never released: only the first fault is recorded */
    record_fault(stdout, w, what);
    _exit(EXIT_FAULT);
}
