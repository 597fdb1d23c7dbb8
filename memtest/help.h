/* What memtest prints about itself. */
#pragma once
#include "workload.h"

#include <stdio.h>

/* `memtest` and `memtest --help`: how to call it, and the names of the workloads. */
void help_usage(FILE *out);

/* `memtest WORKLOAD --help`. */
void help_workload(const struct workload *workload);

/* `memtest --list`, to be read. */
void help_list(void);

/* `memtest --list --json`: {"version", "options": of every workload, "workloads": [...]}. */
void help_list_json(void);

/* `memtest --version`. */
void help_version(void);
