/* The value of LD_PRELOAD that loads librecord.so. */
#pragma once
#include <stddef.h>

/* Writes the value of LD_PRELOAD for the program: the library beside this executable, then what was
 * preloaded already. ld.so splits LD_PRELOAD at spaces and colons and expands what follows a `$`: a
 * library whose path has one of these is reached by a link in a fresh temporary folder, whose name
 * is written to `link_directory`; "" otherwise. Prints the reason and returns -1 if that fails. */
int preload_value(char *value, size_t size, char *link_directory, size_t link_size);

/* Removes that folder. */
void preload_remove(const char *link_directory);
