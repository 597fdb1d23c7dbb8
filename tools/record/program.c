#define _GNU_SOURCE
#include "program.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static int open_program(const char *path) {
    char candidate[PATH_MAX];
    const char *folders = getenv("PATH");
    if (strchr(path, '/') || !folders)
        return open(path, O_RDONLY | O_CLOEXEC);
    for (const char *end; *folders; folders = *end ? end + 1 : end) {
        end = strchrnul(folders, ':');
        snprintf(candidate, sizeof candidate, "%.*s/%s", (int)(end - folders), folders, path);
        int fd = access(candidate, X_OK) == 0 ? open(candidate, O_RDONLY | O_CLOEXEC) : -1;
        if (fd >= 0)
            return fd;
    }
    return -1;
}

static bool has_interpreter(int fd, const Elf64_Ehdr *header) {
    Elf64_Phdr segment;
    for (int i = 0; i < header->e_phnum; i++) {
        off_t place = (off_t)header->e_phoff + i * (off_t)sizeof segment;
        if (pread(fd, &segment, sizeof segment, place) == sizeof segment &&
            segment.p_type == PT_INTERP)
            return true;
    }
    return false;
}

static const char *refusal_of(int fd, char *start, ssize_t length) {
    struct stat status;
    Elf64_Ehdr header;
    if (fstat(fd, &status) == 0 && status.st_mode & (S_ISUID | S_ISGID))
        return "it is set-user-id or set-group-id";
    if (fgetxattr(fd, "security.capability", NULL, 0) > 0)
        return "its file has capabilities, which works like set-user-id";
    if (length < (ssize_t)sizeof header || memcmp(start, ELFMAG, SELFMAG) != 0)
        return NULL;
    memcpy(&header, start, sizeof header);
    if (header.e_ident[EI_CLASS] != ELFCLASS64)
        return "it is a 32-bit program, for which there is no librecord.so";
    return has_interpreter(fd, &header) ? NULL : "it is statically linked";
}

/* The interpreter that the first line of a script names; NULL for other files. */
static const char *interpreter_of(char *start, ssize_t length) {
    if (length < 3 || start[0] != '#' || start[1] != '!')
        return NULL;
    start[strcspn(start, "\n")] = '\0';
    return strtok(start + 2, " \t");
}

static const char *look(const char *path, int depth) {
    char start[256] = "";
    int fd = *path ? open_program(path) : -1;
    if (fd < 0)
        return NULL;
    ssize_t length = pread(fd, start, sizeof start - 1, 0);
    const char *interpreter = interpreter_of(start, length);
    const char *refusal = interpreter ? NULL : refusal_of(fd, start, length);
    close(fd);
    return interpreter && depth > 0 ? look(interpreter, depth - 1) : refusal;
}

const char *program_refuses_preload(const char *path) {
    return look(path, 4); /* the kernel follows that many scripts */
}
