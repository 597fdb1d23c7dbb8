/* Properties of a program file. */
#pragma once

/* Why ld.so preloads nothing into the program `path` (searched for in PATH if it has no slash), or
 * into its interpreter if it is a script. NULL if no reason is found. */
const char *program_refuses_preload(const char *path);
