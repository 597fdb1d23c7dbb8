/* `alloc-record check`. */
#pragma once

/* Reads each trace to its end and prints its totals as JSON, or the offset of the damage to stderr.
 * Returns the exit code: 0, or 1 if one is damaged or the totals could not be written. */
int check_all(char **paths);
