/* Runs the program that is to be recorded. */
#pragma once
#include "directory.h"

struct outcome {
    int code;          /* the program's own, 128 + signal, or 125 to 127 when it was not started */
    bool is_started;   /* false: a message has said why not */
    bool is_cut_short; /* a signal ended the wait while processes still ran */
};

/* Runs `command` with the recorder preloaded and waits for it and for all that it left behind,
 * whose recordings would otherwise still grow; when only those are left, a signal ends the wait. */
struct outcome launch(struct directory *directory, char **command);
