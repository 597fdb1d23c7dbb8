/* The JSON lines that memtest prints; docs and the harness rely on their members. */
#pragma once
#include "run.h"

#include <stdio.h>

/* One line for each round, then the line of the whole run. */
void record_run(FILE *out, const struct run *run);

/* The line of a proven mistake of the allocator. */
void record_fault(FILE *out, const struct worker *w, const char *what);
