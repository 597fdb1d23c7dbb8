/* Where the library writes: standard error, and the files that the options stats and trace name.
 *
 * A descriptor is only a number: a program may close it and get another file under the same number.
 * So what is kept is the number together with the file that it stood for, and nothing is written
 * once it stands for another. */
#ifndef SLOTMALLOC_FILE_H
#define SLOTMALLOC_FILE_H

#include "base/types.h"

#define FILE_PATH_BYTES 4096 /* of a path with its end: the kernel's PATH_MAX */

struct file {
    int fd; /* negative: none */
    uint64_t device, inode;
};

/* What descriptor 2 was at the start. */
extern struct file file_stderr;

/* Remembers descriptor 2; called once, at the start. */
void file_init(void);

/* What descriptor 2 is now: for output that the program itself asks for. */
struct file file_of_stderr(void);

/* Opens a file for writing and empties it: a new one, or a regular file of the process's own user
 * that has one name only and is not a symbolic link. Whatever else the path names stays untouched.
 * `append`: what several processes write follows each other. Returns NULL, or why not. */
const char *file_create(const char *path, bool append, struct file *out);

/* Keeps the inode number of a file that stays open from being given to another one, even when the
 * file is removed and its descriptor closed. */
void file_pin(const struct file *file);

/* Writes all of it, or as much as the kernel takes; nothing if the descriptor is not this file any
 * more. */
void file_write(const struct file *file, const char *text, size_t bytes);

void file_close(struct file *file);

/* Puts the current folder before a relative path, in place. False when it does not fit. */
bool file_make_absolute(char path[FILE_PATH_BYTES]);

#endif
