#include "exhaustion.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>

enum { SKIPPED = 77 };

struct small_shm {
    int (*body)(void);
    const char *type, *option;
};

struct shm_block held[MOST_HELD];
unsigned held_count;

static int run_body(void *context) {
    return (*(int (**)(void))context)();
}

static int run_with_shm(void *context) {
    const struct small_shm *shm = context;
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("none", "/dev/shm", shm->type, 0, shm->option))
        return SKIPPED;
    return shm->body();
}

static void expect_success(int status) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
        print_message("    needs the right to mount a file system (root)\n");
        skip();
    }
    if (WIFSIGNALED(status))
        fail_msg("the child was ended by signal %d (%d is SIGBUS, %d SIGXFSZ)", WTERMSIG(status),
                 SIGBUS, SIGXFSZ);
    assert_int_equal(WEXITSTATUS(status), 0);
}

void expect_success_in_child(int (*body)(void)) {
    expect_success(in_child(run_body, &body));
}

void expect_success_with_shm(int (*body)(void), const char *type, const char *option) {
    expect_success(in_child(run_with_shm, &(struct small_shm){body, type, option}));
}

int allocate_all(struct shm_arena *arena) {
    static const size_t sizes[] = {64, 4096, 100, 30000, 2048, 65536, 200000, 1};
    int error = 0;
    for (held_count = 0; held_count < MOST_HELD; held_count++)
        if ((error = shm_arena_alloc(arena, sizes[held_count % 8], 0, &held[held_count])))
            break;
    return error;
}

void touch_all(void) {
    for (unsigned i = 0; i < held_count; i++)
        memset(held[i].address, (int)i, held[i].size);
}

bool all_as_written(void) {
    for (unsigned i = 0; i < held_count; i++)
        for (size_t at = 0; at < held[i].size; at += 1000)
            if (((unsigned char *)held[i].address)[at] != (unsigned char)i)
                return false;
    return true;
}

int free_all(struct shm_arena *arena) {
    while (held_count)
        CHECK(!shm_arena_free(arena, held[--held_count].offset));
    return 0;
}
