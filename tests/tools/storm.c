/* A program that allocates in every way that a recorder may stumble over, and counts what it does:
 * eight threads that hand objects to each other, short-lived threads, forks in the midst of it,
 * exec, and death by SIGKILL.
 *
 *     storm MODE OPERATIONS      MODE: exit | kill | exec (runs `storm exit` at its end) | brood
 *
 * In `brood` every one of the eight threads forks children again and again while the other seven
 * allocate; a child allocates and then exits, crashes, is killed, or runs `storm leaf`.
 *
 * Each process appends one line to fd 3 when it has done its last operation:
 *     {"pid": , "made": , "resized": , "freed": }
 * Its objects can be told from those of libc by their sizes, which are all 37 more than a multiple
 * of 64. */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BROOD = 6 }; /* children of each thread */
enum { THREADS = 8, SHARED = 512, OWN = 64, CHILDREN = 3, SHORT_LIVED = 20, COUNTS_FD = 3 };

static _Atomic uint64_t made, resized, freed;
static void *_Atomic shared[SHARED]; /* whoever takes an object out frees it */
static uint64_t operations;

static uint64_t draw(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static size_t draw_size(uint64_t *state) {
    return 64 * (draw(state) % 40) + 37;
}

static void *make(uint64_t *state) {
    size_t size = draw_size(state);
    void *object = NULL;
    switch (draw(state) % 8) {
    case 0:
        object = calloc(1, size);
        break;
    case 1:
        object = posix_memalign(&object, 64, size) ? NULL : object;
        break;
    case 2:
        object = memalign(256, size);
        break;
    case 3:
        object = valloc(size);
        break;
    default:
        object = malloc(size);
    }
    made++;
    if (!object)
        abort();
    memset(object, 0x11, size);
    return object;
}

static void destroy(void *object) {
    if (!object)
        return;
    free(object);
    freed++;
}

static void *resize(uint64_t *state, void *object) {
    object = reallocarray(object, draw_size(state), 1);
    resized++;
    if (!object)
        abort();
    return object;
}

static void work(uint64_t seed, uint64_t count) {
    void *own[OWN] = {0};
    uint64_t state = seed;
    for (uint64_t i = 0; i < count; i++) {
        void **mine = &own[draw(&state) % OWN];
        void *_Atomic *theirs = &shared[draw(&state) % SHARED];
        switch (draw(&state) % 4) {
        case 0:
            destroy(atomic_exchange(theirs, make(&state)));
            break;
        case 1:
            *mine = resize(&state, *mine); /* of NULL too */
            break;
        default:
            destroy(*mine);
            *mine = make(&state);
        }
    }
    for (int i = 0; i < OWN; i++)
        destroy(own[i]);
}

static void *thread(void *seed) {
    work((uint64_t)(uintptr_t)seed, operations);
    return NULL;
}

static void report(void) {
    char line[160];
    int length = snprintf(line, sizeof line,
                          "{\"pid\": %d, \"made\": %llu, \"resized\": %llu, \"freed\": %llu}\n",
                          (int)getpid(), (unsigned long long)made, (unsigned long long)resized,
                          (unsigned long long)freed);
    if (write(COUNTS_FD, line, (size_t)length) != length)
        abort();
}

/* The child starts with the parent's objects and frees those that nobody can be changing now. */
static void child(uint64_t seed, void **inherited) {
    made = resized = freed = 0;
    for (int i = 0; i < OWN; i++)
        destroy(inherited[i]);
    for (int i = 0; i < SHARED; i++)
        shared[i] = NULL;
    pthread_t other;
    pthread_create(&other, NULL, thread, (void *)(uintptr_t)(seed + 1));
    work(seed, operations);
    pthread_join(other, NULL);
    report();
    _exit(0);
}

static void fork_children(void) {
    void *inherited[OWN];
    uint64_t state = 99;
    for (int i = 0; i < OWN; i++)
        inherited[i] = make(&state);
    for (int i = 0; i < CHILDREN; i++)
        if (fork() == 0)
            child(1000 + 10 * (uint64_t)i, inherited);
    for (int i = 0; i < OWN; i++)
        destroy(inherited[i]);
}

/* What a forked child of `brood` does, which begins with the objects that threads had put into the
 * table until the fork. */
static void hatch(uint64_t seed) {
    char *volatile nowhere = NULL;
    made = resized = freed = 0;
    for (int i = 0; i < SHARED; i++)
        destroy(atomic_exchange(&shared[i], NULL));
    work(seed, operations / 8);
    report();
    switch (seed % 4) {
    case 0:
        _exit(0);
    case 1:
        raise(SIGKILL);
        break;
    case 2:
        *nowhere = 0; /* a crash */
        break;
    default:
        execl("/proc/self/exe", "storm", "leaf", "500", (char *)NULL);
    }
    abort();
}

static void *brooding_thread(void *number) {
    uint64_t seed = (uint64_t)(uintptr_t)number;
    for (uint64_t i = 0; i < BROOD; i++) {
        work(seed + 100 * i, operations);
        pid_t pid = fork();
        if (pid == 0)
            hatch(seed + i);
        if (pid < 0 || waitpid(pid, NULL, 0) != pid)
            abort();
    }
    return NULL;
}

static int leaf(void) {
    work(5, operations);
    for (int i = 0; i < SHARED; i++)
        destroy(shared[i]);
    report();
    return 0;
}

static int brood(void) {
    pthread_t ids[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&ids[i], NULL, brooding_thread, (void *)(i + 1));
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    report();
    return 0;
}

int main(int argc, char **argv) {
    pthread_t ids[THREADS];
    if (argc != 3)
        return 2;
    operations = strtoull(argv[2], NULL, 10);
    if (strcmp(argv[1], "brood") == 0)
        return brood();
    if (strcmp(argv[1], "leaf") == 0)
        return leaf();
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&ids[i], NULL, thread, (void *)(i + 1));
    fork_children();
    for (uintptr_t i = 0; i < SHORT_LIVED; i++) {
        pthread_t id;
        pthread_create(&id, NULL, thread, (void *)(i + 100));
        pthread_join(id, NULL);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    for (int i = 0; i < SHARED; i++)
        destroy(shared[i]);
    while (wait(NULL) > 0)
        ;
    report();
    if (strcmp(argv[1], "kill") == 0)
        raise(SIGKILL);
    if (strcmp(argv[1], "exec") == 0)
        execl("/proc/self/exe", argv[0], "exit", argv[2], (char *)NULL);
    return 0;
}
