/* What memtest tells about itself: usage, a workload's help, the list for machines. */
#pragma once
#include "workload.h"

void help_usage(void);
void help_workload(const struct workload *workload);

/* `memtest --list`: a JSON array of all workloads with their options. */
void help_list(void);
