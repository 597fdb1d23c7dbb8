/* Where the library writes: standard error, and the files that the options stats and trace name.
 *
 * A program may close a descriptor and get another file under the same number. So the number is
 * kept together with the device and inode of the file, and nothing is written once they differ. */
#ifndef SLOTMALLOC_FILE_H
#define SLOTMALLOC_FILE_H

#include "base/types.h"

#define FILE_PATH_BYTES 4096 /* of a path with its end: the kernel's PATH_MAX */

struct file {
    int fd; /* negative: none */
    uint64_t device, inode;
};

/* The file of descriptor 2 at the start. */
extern struct file file_stderr;

/* Remembers descriptor 2; called once, at the start. */
void file_init(void);

/* The file of descriptor 2 now: for output that the program itself asks for. */
struct file file_of_stderr(void);

/* Opens a file for writing and empties it: a new one, or a regular file of the process's own user
 * that has one name only and is not a symbolic link. Anything else is left unchanged.
 * `append`: writes of several processes are appended. Returns NULL, or the reason for failure. */
const char *file_create(const char *path, bool append, struct file *out);

/* Keeps the inode number of an open file from being reused, even when the file is removed and its
 * descriptor closed. */
void file_pin(const struct file *file);

/* Writes all of it, or as much as the kernel takes; nothing if the descriptor is another file by
 * now. */
void file_write(const struct file *file, const char *text, size_t bytes);

void file_close(struct file *file);

/* Puts the current folder before a relative path, in place. False when it does not fit. */
bool file_make_absolute(char path[FILE_PATH_BYTES]);

#endif
