/* Two users: what a second uid may and may not do with a pool. Needs root, to become somebody
 * else. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static char name[64];
static struct shm_arena *arena;
static int ends[2];

static int make_pool(unsigned mode) {
    struct shm_arena_options o = SHM_ARENA_OPTIONS_INIT;
    o.size = MIB;
    o.backend = SHM_ARENA_SHM;
    o.name = name;
    o.mode = mode;
    snprintf(name, sizeof name, "/alloclab-permissions-%d", getpid());
    return shm_arena_create(&o, &arena);
}

/* Runs body as nobody; returns its result. */
static int as_nobody(int (*body)(void *), void *context) {
    pid_t child = fork();
    int status;
    if (!child)
        _exit(setgid(NOBODY) || setuid(NOBODY) ? 100 : body(context));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int attach_by_name(void *flags) {
    struct shm_arena *other;
    errno = 0;
    int code = shm_arena_attach(SHM_ARENA_SHM, name, *(unsigned *)flags, &other);
    return code == SHM_ARENA_SYSTEM && errno == EACCES ? 99 : code;
}

static int attach_by_socket(void *flags) {
    struct shm_arena *other;
    return shm_arena_receive(ends[1], *(unsigned *)flags, &other);
}

static int unlink_name(void *unused) {
    (void)unused;
    return shm_arena_unlink(SHM_ARENA_SHM, name);
}

static void another_user_cannot_open_or_remove_a_pool(void **state) {
    (void)state;
    unsigned none = 0, any = SHM_ARENA_ANY_OWNER;
    assert_ok(make_pool(0));
    assert_int_equal(as_nobody(attach_by_name, &none), 99);
    assert_int_equal(as_nobody(attach_by_name, &any), 99);
    assert_int_equal(as_nobody(unlink_name, NULL), SHM_ARENA_SYSTEM);
    assert_ok(shm_arena_destroy(arena));
}

static void a_pool_of_another_user_is_refused_unless_asked_for(void **state) {
    (void)state;
    unsigned none = 0, any = SHM_ARENA_ANY_OWNER;
    assert_ok(make_pool(0666));
    assert_int_equal(as_nobody(attach_by_name, &none), SHM_ARENA_WRONG_OWNER);
    assert_int_equal(as_nobody(attach_by_name, &any), SHM_ARENA_OK);
    assert_ok(shm_arena_destroy(arena));
}

static void a_passed_descriptor_of_another_user_is_refused_unless_asked_for(void **state) {
    (void)state;
    unsigned none = 0, any = SHM_ARENA_ANY_OWNER;
    arena = pool_of(MIB, 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_ok(shm_arena_send(arena, ends[0]));
    assert_int_equal(as_nobody(attach_by_socket, &none), SHM_ARENA_WRONG_OWNER);
    assert_ok(shm_arena_send(arena, ends[0]));
    assert_int_equal(as_nobody(attach_by_socket, &any), SHM_ARENA_OK);
    shm_arena_detach(arena);
}

static int make_as_nobody(void *unused) {
    (void)unused;
    int code = make_pool(0666);
    return code; /* ends without destroying: the name stays */
}

static void root_does_not_walk_into_another_users_pool(void **state) {
    (void)state;
    struct shm_arena *other;
    int status;
    pid_t child = fork();
    if (!child)
        _exit(setgid(NOBODY) || setuid(NOBODY) ? 100 : make_as_nobody(NULL));
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    snprintf(name, sizeof name, "/alloclab-permissions-%d", child);
    assert_code(shm_arena_attach(SHM_ARENA_SHM, name, 0, &other), SHM_ARENA_WRONG_OWNER);
    assert_ok(shm_arena_unlink(SHM_ARENA_SHM, name));
}

static int make_as_user(void *backend) {
    (void)backend;
    struct shm_arena *own;
    struct shm_arena_options o = SHM_ARENA_OPTIONS_INIT;
    int code = shm_arena_create(&o, &own);
    if (!code)
        shm_arena_detach(own);
    return code;
}

static void an_ordinary_user_can_make_pools(void **state) {
    (void)state;
    assert_int_equal(as_nobody(make_as_user, NULL), SHM_ARENA_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_user_cannot_open_or_remove_a_pool),
        cmocka_unit_test(a_pool_of_another_user_is_refused_unless_asked_for),
        cmocka_unit_test(a_passed_descriptor_of_another_user_is_refused_unless_asked_for),
        cmocka_unit_test(root_does_not_walk_into_another_users_pool),
        cmocka_unit_test(an_ordinary_user_can_make_pools),
    };
    if (geteuid()) {
        printf("skipped: tests of a second uid, which only root can become\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
