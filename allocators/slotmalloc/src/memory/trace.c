#include "memory/trace.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"

#define LINE_BYTES 128

static struct file file = {.fd = -1};

static const char *const state_names[] = {
    [SLOT_UNUSED] = "UNUSED",       [SLOT_CURRENT] = "CURRENT", [SLOT_FULL] = "FULL",
    [SLOT_AVAILABLE] = "AVAILABLE", [SLOT_EMPTY] = "EMPTY",     [SLOT_RUN] = "RUN",
    [SLOT_HUGE] = "HUGE",
};

void trace_init(void) {
    if (!options.trace)
        return;
    if (strcmp(options.trace_path, "stderr") == 0) {
        file = file_stderr;
        return;
    }
    const char *reason = file_create(options.trace_path, true, &file);
    if (reason == NULL)
        file_pin(&file);
    else
        warn_of_file("cannot write the trace to", options.trace_path, reason);
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
    file_write(&file, buffer, (size_t)(line.at - buffer));
}
