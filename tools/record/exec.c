/* exec and related functions. Each execution is noted in the ledger before it happens, so that a
 * program that starts without the recorder (static, set-user-id, an empty environment) is reported.
 * The caller may be a child of vfork: nothing here allocates. */
#define _GNU_SOURCE
#include "announce.h"
#include "next.h"

#include <alloca.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

typedef int spawn_function(pid_t *, const char *, const posix_spawn_file_actions_t *,
                           const posix_spawnattr_t *, char *const[], char *const[]);

static struct {
    int (*execve)(const char *, char *const[], char *const[]);
    int (*execvpe)(const char *, char *const[], char *const[]);
    int (*fexecve)(int, char *const[], char *const[]);
    spawn_function *spawn, *spawnp;
    int (*system)(const char *);
    FILE *(*popen)(const char *, const char *);
} original;

static void find(const char *name, void *function_pointer) {
    void *symbol = next_symbol(name);
    memcpy(function_pointer, &symbol, sizeof symbol);
}

/* At load time, since the dynamic linker's lock must not be taken between vfork and exec. */
__attribute__((constructor)) static void find_all(void) {
    if (original.popen)
        return; /* called before, by another constructor */
    find("execve", &original.execve);
    find("execvpe", &original.execvpe);
    find("fexecve", &original.fexecve);
    find("posix_spawn", &original.spawn);
    find("posix_spawnp", &original.spawnp);
    find("system", &original.system);
    find("popen", &original.popen);
}

EXPORT int execve(const char *path, char *const arguments[], char *const environment[]) {
    find_all();
    int entry = announce_exec(getpid(), path, environment);
    int result = original.execve(path, arguments, environment);
    announce_withdraw(entry);
    return result;
}

EXPORT int execvpe(const char *file, char *const arguments[], char *const environment[]) {
    find_all();
    int entry = announce_exec(getpid(), file, environment);
    int result = original.execvpe(file, arguments, environment);
    announce_withdraw(entry);
    return result;
}

EXPORT int fexecve(int fd, char *const arguments[], char *const environment[]) {
    find_all();
    int entry = announce_exec(getpid(), "", environment);
    int result = original.fexecve(fd, arguments, environment);
    announce_withdraw(entry);
    return result;
}

/* By system call: libc before 2.34 has no such function. */
EXPORT int execveat(int fd, const char *path, char *const arguments[], char *const environment[],
                    int flags) {
    int entry = announce_exec(getpid(), *path == '/' ? path : "", environment);
    long result = syscall(SYS_execveat, fd, path, arguments, environment, flags);
    announce_withdraw(entry);
    return (int)result;
}

EXPORT int execv(const char *path, char *const arguments[]) {
    return execve(path, arguments, environ);
}

EXPORT int execvp(const char *file, char *const arguments[]) {
    return execvpe(file, arguments, environ);
}

/* ---- variadic arguments, up to a NULL ---- */

static size_t count_arguments(va_list list) {
    size_t count = 1;
    while (va_arg(list, char *))
        count++;
    return count;
}

/* Collects the arguments in an array on the caller's stack. Afterwards `list` is behind the
 * NULL. */
#define GATHER(list, first, array)                                                                 \
    va_start(list, first);                                                                         \
    size_t count = count_arguments(list);                                                          \
    va_end(list);                                                                                  \
    char **array = alloca((count + 1) * sizeof *array);                                            \
    array[0] = (char *)(uintptr_t)(first);                                                         \
    va_start(list, first);                                                                         \
    for (size_t i = 1; i <= count; i++)                                                            \
        array[i] = va_arg(list, char *);

EXPORT int execl(const char *path, const char *first, ...) {
    va_list list;
    GATHER(list, first, arguments)
    va_end(list);
    return execve(path, arguments, environ);
}

EXPORT int execlp(const char *file, const char *first, ...) {
    va_list list;
    GATHER(list, first, arguments)
    va_end(list);
    return execvpe(file, arguments, environ);
}

EXPORT int execle(const char *path, const char *first, ...) {
    va_list list;
    GATHER(list, first, arguments)
    char *const *environment = va_arg(list, char *const *);
    va_end(list);
    return execve(path, arguments, environment);
}

/* ---- spawn: libc executes without calling execve above ---- */

static int spawn(spawn_function *function, pid_t *pid, const char *path,
                 const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
                 char *const arguments[], char *const environment[]) {
    pid_t child;
    uint32_t since = announce_image_count();
    int error = function(&child, path, actions, attributes, arguments, environment);
    if (error)
        return error;
    int entry = announce_exec(child, path, environment);
    if (announce_has_begun(since, child))
        announce_withdraw(entry);
    if (pid)
        *pid = child;
    return 0;
}

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const arguments[],
                       char *const environment[]) {
    find_all();
    return spawn(original.spawn, pid, path, actions, attributes, arguments, environment);
}

EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const arguments[],
                        char *const environment[]) {
    find_all();
    return spawn(original.spawnp, pid, file, actions, attributes, arguments, environment);
}

/* The shell is dynamically linked: only an environment without the recorder prevents recording. */
static void note_shell(void) {
    find_all();
    if (!announce_is_inherited(environ))
        announce_exec(getpid(), "/bin/sh", environ);
}

EXPORT int system(const char *command) {
    note_shell();
    return original.system(command);
}

EXPORT FILE *popen(const char *command, const char *mode) {
    note_shell();
    return original.popen(command, mode);
}
