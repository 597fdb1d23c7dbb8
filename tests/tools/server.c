/* What servers do after their start, for the recorder's tests: each mode takes away something that
 * a recorder may lean on, and then a process or thread does work that the trace must hold.
 *
 *     server MODE [ARGUMENT]     modes: the table at the end
 *
 * The work is 1000 mallocs of 333 bytes and their frees. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OBJECTS = 1000, SIZE = 333, NOBODY = 65534, DESCRIPTORS = 1024 };

static void require(int is_true) {
    if (!is_true)
        _exit(9);
}

static void *work(void *unused) {
    static __thread void *volatile objects[OBJECTS];
    for (int i = 0; i < OBJECTS; i++)
        objects[i] = malloc(SIZE);
    for (int i = 0; i < OBJECTS; i++)
        free(objects[i]);
    return unused;
}

static int fork_worker(void) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        work(NULL);
        _exit(0);
    }
    require(waitpid(child, &status, 0) == child);
    return status ? 3 : 0;
}

static int thread_worker(void) {
    pthread_t thread;
    require(pthread_create(&thread, NULL, work, NULL) == 0);
    return pthread_join(thread, NULL);
}

static void close_all(void) {
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        close(fd);
}

static void limit(int which, rlim_t value) {
    struct rlimit both = {value, value};
    require(setrlimit(which, &both) == 0);
}

/* ---- modes ---- */

static int plain(const char *argument) {
    (void)argument;
    return work(NULL) != NULL;
}

static int daemonize(const char *argument) {
    (void)argument;
    close_all();
    if (fork())
        _exit(0);
    setsid();
    require(chdir("/") == 0);
    work(NULL);
    _exit(0);
}

/* Descriptors 0 to 9 are the data file then. */
static int data_file(const char *path) {
    close_all();
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    require(fd == 0 && write(fd, "data", 4) == 4);
    for (int other = 1; other < 10; other++)
        require(dup2(fd, other) == other);
    return fork_worker() | thread_worker();
}

/* Every descriptor is taken over, none is free. */
static int duplicates(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    require(write(fd, "data", 4) == 4);
    limit(RLIMIT_NOFILE, 256);
    for (int other = 3; other < 256; other++)
        require(dup2(fd, other) == other);
    return fork_worker() | thread_worker();
}

static int drop_user(const char *argument) {
    (void)argument;
    require(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
    return fork_worker();
}

static void *drop_user_in_thread(void *unused) {
    require(setuid(NOBODY) == 0);
    return unused;
}

static int thread_drops_user(const char *argument) {
    pthread_t thread;
    (void)argument;
    require(pthread_create(&thread, NULL, drop_user_in_thread, NULL) == 0);
    pthread_join(thread, NULL);
    return fork_worker() | thread_worker();
}

static int change_root(const char *folder) {
    require(chroot(folder) == 0 && chdir("/") == 0);
    return fork_worker();
}

static int no_descriptor(const char *argument) {
    (void)argument;
    limit(RLIMIT_NOFILE, 64);
    while (open("/dev/null", O_RDONLY) >= 0)
        ;
    return fork_worker();
}

static int no_limits(const char *argument) {
    (void)argument;
    limit(RLIMIT_NOFILE, 0);
    limit(RLIMIT_FSIZE, 0);
    return fork_worker();
}

static int clone_sharing_files(const char *argument) {
    int status;
    (void)argument;
    pid_t child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0) {
        close_all();
        work(NULL);
        _exit(0);
    }
    require(waitpid(child, &status, 0) == child);
    return status ? 3 : fork_worker();
}

static int lock_memory(const char *argument) {
    (void)argument;
    require(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
    return fork_worker();
}

/* Forks in a signal handler up to CHILDREN times, wherever the program is; the child returns from
 * the handler. */
enum { CHILDREN = 100 };
static volatile sig_atomic_t is_child, children;

static void fork_in_handler(int signal) {
    (void)signal;
    if (children++ >= CHILDREN)
        return;
    pid_t child = fork();
    is_child = is_child || child == 0;
    if (child > 0)
        waitpid(child, NULL, 0);
}

static int handler(const char *argument) {
    struct sigaction action = {.sa_handler = fork_in_handler, .sa_flags = SA_RESTART};
    struct itimerval each = {{0, 300}, {0, 300}};
    (void)argument;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &each, NULL); /* a child has no timer */
    for (int i = 0; children < CHILDREN; i++) {
        void *volatile object = malloc((size_t)i % 2000);
        free(object);
        if (is_child) {
            work(NULL);
            _exit(0);
        }
    }
    return 0;
}

static int sleep_on(const char *argument) {
    work(NULL);
    sleep((unsigned)atoi(argument));
    return 0;
}

/* Leaves a process behind that goes on. */
static int background(const char *argument) {
    if (fork() == 0) {
        setsid();
        _exit(sleep_on(argument));
    }
    return 0;
}

/* ---- executions ---- */

static int execute(char *const command[], char *const environment[]) {
    execve(command[0], command, environment);
    return 9;
}

static int execute_itself(const char *argument) {
    return execute((char *[]){(char *)(uintptr_t)argument, "plain", NULL}, environ);
}

static int execute_as_nobody(const char *path) {
    require(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
    return execute_itself(path);
}

static int execute_behind_root(const char *folder) {
    require(chroot(folder) == 0 && chdir("/") == 0);
    return execute_itself("/program");
}

static int execute_bare(const char *path) {
    return execute((char *[]){(char *)(uintptr_t)path, "plain", NULL}, (char *[]){NULL});
}

static int spawn_with(const char *path, char *const environment[]) {
    pid_t child;
    int status;
    char *command[] = {(char *)(uintptr_t)path, "plain", NULL};
    require(posix_spawn(&child, path, NULL, NULL, command, environment) == 0);
    require(waitpid(child, &status, 0) == child);
    return status ? 3 : 0;
}

static int spawn(const char *path) {
    return spawn_with(path, environ);
}

static int spawn_bare(const char *path) {
    return spawn_with(path, (char *[]){NULL});
}

static int vfork_and_execute(const char *path) {
    int status;
    pid_t child = vfork();
    if (child == 0) {
        execl(path, "server", "plain", (char *)NULL);
        _exit(9);
    }
    require(waitpid(child, &status, 0) == child);
    return status ? 3 : 0;
}

static int fail_to_execute(const char *path) {
    execl(path, path, (char *)NULL);
    execlp("no-such-program", path, (char *)NULL);
    return fork_worker();
}

static int shell_without_environment(const char *argument) {
    unsetenv("LD_PRELOAD");
    return system(argument);
}

/* The module frees what we allocated. */
static int deep_module(const char *path) {
    void *module = dlopen(path, RTLD_NOW | RTLD_DEEPBIND);
    void (*release)(void *) = NULL;
    void *symbol = module ? dlsym(module, "module_free") : NULL;
    require(symbol != NULL);
    memcpy(&release, &symbol, sizeof symbol);
    for (int i = 0; i < OBJECTS; i++)
        release(malloc(SIZE));
    return 0;
}

static int own_namespace(const char *argument) {
    return dlmopen(LM_ID_NEWLM, argument, RTLD_NOW) == NULL;
}

static const struct {
    const char *name;
    int (*run)(const char *argument);
} modes[] = {
    {"plain", plain},
    {"sleep", sleep_on},
    {"background", background},
    {"daemon", daemonize},
    {"data-file", data_file},
    {"duplicates", duplicates},
    {"setuid", drop_user},
    {"thread-setuid", thread_drops_user},
    {"chroot", change_root},
    {"nofile", no_descriptor},
    {"no-limits", no_limits},
    {"clone-files", clone_sharing_files},
    {"mlockall", lock_memory},
    {"handler", handler},
    {"exec", execute_itself},
    {"exec-as-nobody", execute_as_nobody},
    {"exec-behind-root", execute_behind_root},
    {"exec-bare", execute_bare},
    {"spawn", spawn},
    {"spawn-bare", spawn_bare},
    {"vfork", vfork_and_execute},
    {"failed-exec", fail_to_execute},
    {"bare-system", shell_without_environment},
    {"deep", deep_module},
    {"namespace", own_namespace},
};

int main(int argc, char **argv) {
    void *volatile first = malloc(10);
    free(first);
    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof *modes; i++)
        if (strcmp(modes[i].name, argv[1]) == 0)
            return modes[i].run(argc > 2 ? argv[2] : NULL);
    return 2;
}
