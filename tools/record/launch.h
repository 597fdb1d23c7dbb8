/* Runs the program to be recorded. */
#pragma once
#include "directory.h"

struct outcome {
    int code;          /* the program's own, 128 + signal, or 125 to 127 if it was not started */
    bool is_started;   /* false: a message was printed */
    bool is_cut_short; /* a signal ended the wait while processes still ran */
};

/* Runs `command` with the recorder preloaded and waits for it and for its descendants, whose
 * recordings still grow. When the program has ended, a signal ends the wait. */
struct outcome launch(struct directory *directory, char **command);
