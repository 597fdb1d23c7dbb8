/* The JSON lines that memtest prints; docs/memtest.md describes their members. */
#pragma once
#include "measure.h"

#include <stdio.h>

/* One line for each round, then the line of the whole process. */
void record_measurement(FILE *out, const struct measurement *m);
