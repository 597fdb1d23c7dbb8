/* The command line: options common to all workloads and those of the chosen one. */
#pragma once
#include "settings.h"

/* The options that every workload understands; ends with a NULL key. */
extern const struct option_spec common_options[];

/* Reads `memtest WORKLOAD ...`: argv[1] is the workload's name. False: --help was among the
 * arguments, and only settings->workload is set. On any mistake prints one line, what is wrong and
 * what would be right, and exits with EXIT_USAGE. */
bool options_read(int argc, char **argv, struct settings *settings);

/* The default of an option, parsed. */
struct option_value option_default(const struct option_spec *spec);
