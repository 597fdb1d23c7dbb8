#include "trace.h"

#include <string.h>

#include "kernel.h"
#include "text.h"

#define LINE_BYTES 128
#define STDERR     2

static int trace_fd = STDERR;

static const char *const state_names[] = {
    [SLOT_UNUSED] = "UNUSED",       [SLOT_CURRENT] = "CURRENT", [SLOT_FULL] = "FULL",
    [SLOT_AVAILABLE] = "AVAILABLE", [SLOT_EMPTY] = "EMPTY",     [SLOT_RUN] = "RUN",
    [SLOT_HUGE] = "HUGE",
};

void trace_init(void) {
    if (!options.trace || strcmp(options.trace_path, "stderr") == 0)
        return;
    int fd = kernel_open(options.trace_path, true);
    if (fd >= 0)
        trace_fd = fd;
    else
        warn("cannot write the trace to", options.trace_path);
}

void trace_slot_write(const struct slot *slot, enum slot_state to) {
    char buffer[LINE_BYTES];
    struct text line = text_in(buffer, sizeof buffer);
    text_add(&line, "slot ");
    text_add_number(&line, (uint64_t)(slot - arena.slots));
    text_add(&line, " class ");
    text_add_number(&line, slot->class);
    text_add(&line, " ");
    text_add(&line, state_names[slot->state]);
    text_add(&line, " -> ");
    text_add(&line, state_names[to]);
    text_add(&line, "\n");
    kernel_write(trace_fd, buffer, (size_t)(line.at - buffer));
}
