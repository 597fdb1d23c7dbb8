/* Pool files: created without a name, linked to it when complete, opened, checked and removed. */
#pragma once
#include "shm_arena.h"

#include <sys/types.h>

/* Identifies the file that a descriptor must refer to: the kernel reuses descriptor numbers. */
struct file_identity {
    dev_t device;
    ino_t inode;
};

/* Creates a file for the options. A file that will have a name does not have it yet. */
int file_create(const struct shm_arena_options *options, uint64_t bytes, unsigned huge_shift,
                int *fd);

/* Links the file to its name, which must not exist; *name is allocated. */
int file_publish(int fd, enum shm_arena_backend backend, const char *wanted, char **name);

int file_open(enum shm_arena_backend backend, const char *name, int *fd);

/* Removes the name; if `only` is given, only where the name still refers to that file. */
int file_unlink(enum shm_arena_backend backend, const char *name, const struct file_identity *only);

/* Stores which file a descriptor refers to. */
int file_identify(int fd, struct file_identity *file);

/* Whether a descriptor refers to this file. */
bool file_is_same(int fd, const struct file_identity *file);

/* Refuses files of the wrong kind, owner or mode; stores the length. */
int file_check(int fd, unsigned flags, uint64_t *bytes);
