/* What a program file says about itself. */
#pragma once

/* Why ld.so preloads nothing into the program `path` (searched for in PATH when it has no slash),
 * or into its interpreter when it is a script. NULL: no reason can be seen. */
const char *program_refuses_preload(const char *path);
