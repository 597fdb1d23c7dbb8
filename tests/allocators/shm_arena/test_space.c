/* A /dev/shm that is full. The library answers with a code, loses nothing, and what it has handed out
 * can be touched. Each test runs in a child with a mount namespace of its own, whose /dev/shm is a
 * small tmpfs. */
#include "exhaustion.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { SLOT = 64 * KIB };

static uint64_t room(void) {
    struct statvfs s;
    return statvfs("/dev/shm", &s) ? 0 : (uint64_t)s.f_bavail * s.f_bsize;
}

/* Takes what is left of the file system. */
static int fill_up(void) {
    int fd = open("/dev/shm/filler", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    static char bytes[4096];
    while (write(fd, bytes, sizeof bytes) == sizeof bytes)
        ;
    return fd;
}

static int make_pool(size_t bytes, unsigned flags, struct shm_arena **arena) {
    struct shm_arena_options o = SHM_ARENA_OPTIONS_INIT;
    o.backend = SHM_ARENA_SHM;
    o.size = bytes;
    o.flags = flags;
    o.name = "/space";
    return shm_arena_create(&o, arena);
}

static int creating(void) {
    struct shm_arena *a;
    for (unsigned kib = 0; kib <= 40; kib += 4) { /* room for some of a pool's first pages */
        char option[32];
        snprintf(option, sizeof option, "size=%uk", kib ? kib : 4);
        CHECK(!mount(NULL, "/dev/shm", NULL, MS_REMOUNT, option));
        uint64_t before = room();
        errno = 0;
        int error = make_pool(256 * MIB, kib % 8 ? SHM_ARENA_PREFAULT : 0, &a);
        if (error) {
            CHECK(error == SHM_ARENA_SYSTEM && errno == ENOSPC);
            CHECK(shm_arena_unlink(SHM_ARENA_SHM, "/space") == SHM_ARENA_NOT_FOUND);
        } else {
            struct shm_block b;
            CHECK(shm_arena_alloc(a, 64, 0, &b) == SHM_ARENA_NO_SPACE);
            CHECK(!shm_arena_destroy(a));
        }
        CHECK(room() == before);
    }
    return 0;
}

static int touching(void) {
    struct shm_arena *a;
    CHECK(!make_pool(256 * MIB, 0, &a));
    CHECK(allocate_all(a) == SHM_ARENA_NO_SPACE && held_count > 10);
    CHECK(fill_up() >= 0 && room() == 0);
    touch_all();
    CHECK(all_as_written());
    CHECK(shm_arena_alloc(a, 300000, 0, &held[held_count]) == SHM_ARENA_NO_SPACE &&
          errno == ENOSPC);
    if (free_all(a))
        return 1;
    unsigned before = held_count;
    CHECK(allocate_all(a) == SHM_ARENA_NO_SPACE &&
          held_count > before + 10); /* of what is backed */
    touch_all();
    CHECK(all_as_written());
    if (free_all(a))
        return 1;
    shm_arena_detach(a);
    return 0;
}

static int coming_back(void) {
    struct shm_arena *a;
    struct shm_block b;
    CHECK(!make_pool(16 * MIB, 0, &a));
    CHECK(allocate_all(a) == SHM_ARENA_NO_SPACE);
    if (free_all(a))
        return 1;
    CHECK(!mount(NULL, "/dev/shm", NULL, MS_REMOUNT, "size=32m"));
    for (held_count = 0; held_count < MOST_HELD && !shm_arena_alloc(a, SLOT, 0, &held[held_count]);
         held_count++)
        ;
    CHECK(held_count == 16 * MIB / SLOT); /* every slot of the pool: none was lost */
    CHECK(shm_arena_alloc(a, SLOT, 0, &b) == SHM_ARENA_NO_MEMORY);
    touch_all();
    return free_all(a);
}

/* A large request that is refused takes nothing, also where a part of it could be had. */
static int refused(void) {
    struct shm_arena *a;
    struct shm_block b;
    CHECK(!make_pool(64 * MIB, 0, &a));
    CHECK(!shm_arena_alloc(a, SLOT, 0, &b)); /* metadata of the slots is backed from here on */
    uint64_t before = room();
    CHECK(shm_arena_alloc(a, 20 * MIB, 0, &held[0]) == SHM_ARENA_NO_SPACE);
    CHECK(room() == before);
    CHECK(!shm_arena_free(a, b.offset));
    CHECK(shm_arena_alloc(a, 20 * MIB, 0, &held[0]) == SHM_ARENA_NO_SPACE);
    CHECK(room() == before); /* nor what was backed before */
    return 0;
}

/* The same where some of its slots are backed, so that the system is asked for parts of it. */
static int refused_in_parts(void) {
    struct shm_arena *a;
    struct shm_block x, y;
    CHECK(!make_pool(20 * MIB, 0, &a)); /* so the request can only be for all of it */
    CHECK(!shm_arena_alloc(a, 8 * SLOT, 0, &x) && !shm_arena_alloc(a, 8 * SLOT, 0, &y));
    CHECK(!shm_arena_free(a, x.offset) && shm_arena_trim(a) >= 8 * SLOT);
    CHECK(!shm_arena_free(a, y.offset)); /* backed, between x and what was never used */
    uint64_t before = room();
    CHECK(shm_arena_alloc(a, 20 * MIB, 0, &held[0]) == SHM_ARENA_NO_SPACE);
    CHECK(room() == before);
    CHECK(!shm_arena_alloc(a, 16 * SLOT, 0, &held[0]) && held[0].offset == x.offset);
    CHECK(room() == before - 8 * SLOT);
    return 0;
}

/* Slots that cannot be backed lie before one that is: it is found all the same. */
static int finding_what_is_backed(void) {
    struct shm_arena *a;
    struct shm_block block[8], b;
    CHECK(!make_pool(64 * MIB, 0, &a));
    for (int i = 0; i < 8; i++)
        CHECK(!shm_arena_alloc(a, SLOT, 0, &block[i]));
    for (int i = 0; i < 8; i += i == 3 ? 2 : 1) /* all but slot 4 */
        CHECK(!shm_arena_free(a, block[i].offset));
    CHECK(shm_arena_trim(a) >= 7 * SLOT);
    CHECK(fill_up() >= 0);
    CHECK(!shm_arena_free(a, block[4].offset));
    CHECK(!shm_arena_alloc(a, SLOT, 0, &b) && b.offset == block[4].offset);
    memset(b.address, 1, b.size);
    CHECK(shm_arena_alloc(a, SLOT, 0, &block[0]) == SHM_ARENA_NO_SPACE);
    CHECK(!shm_arena_free(a, b.offset));
    CHECK(!shm_arena_alloc(a, 20000, 0, &b) && b.offset == block[4].offset);
    memset(b.address, 1, b.size);
    return 0;
}

static int join_code; /* of a child that allocates */
static int joining_child(void *arena) {
    struct shm_block b;
    return shm_arena_alloc(arena, 64, 0, &b) != join_code ||
           shm_arena_free(arena, held[0].offset) != join_code;
}

static int joining(void) {
    struct shm_arena *a, *other;
    CHECK(!make_pool(64 * MIB, 0, &a));
    CHECK(!shm_arena_alloc(a, 64, 0, &held[0]));
    int filler = fill_up();
    CHECK(filler >= 0 && shm_arena_attach(SHM_ARENA_SHM, "/space", 0, &other) == SHM_ARENA_SYSTEM &&
          errno == ENOSPC);
    join_code = SHM_ARENA_NO_SPACE;
    CHECK(in_child(joining_child, a) == 0);
    CHECK(!ftruncate(filler, 0));
    join_code = SHM_ARENA_OK;
    CHECK(in_child(joining_child, a) == 0);
    CHECK(!shm_arena_attach(SHM_ARENA_SHM, "/space", 0, &other));
    shm_arena_detach(other);
    return 0;
}

/* A prefaulted pool has all that it will ever need. */
static int prefaulted(void) {
    struct shm_arena *a;
    CHECK(!make_pool(2 * MIB, SHM_ARENA_PREFAULT, &a));
    CHECK(fill_up() >= 0);
    CHECK(allocate_all(a) == SHM_ARENA_NO_MEMORY);
    touch_all();
    CHECK(all_as_written());
    if (free_all(a))
        return 1;
    join_code = SHM_ARENA_OK;
    CHECK(!shm_arena_alloc(a, 64, 0, &held[0]));
    CHECK(in_child(joining_child, a) == 0);
    return 0;
}

/* The manager turns to another of its pools, and makes none where the system is full. */
static int managed(void) {
    struct shm_arena_options o = SHM_ARENA_OPTIONS_INIT;
    struct shm_manager *m;
    struct shm_block b;
    int error, tries = 0;
    o.size = MIB;
    CHECK(!shm_manager_open("space", &o, 16, true, &m));
    while (!(error = shm_manager_alloc(m, 100000, 0, &b)) && tries++ < 1000)
        memset(b.address, 1, b.size);
    CHECK(error == SHM_ARENA_NO_SPACE || (error == SHM_ARENA_SYSTEM && errno == ENOSPC));
    CHECK(shm_manager_count(m) >= 2);
    CHECK(!shm_manager_free(m, b.arena_id, b.offset));
    CHECK(!shm_manager_alloc(m, 100000, 0, &b));
    memset(b.address, 1, b.size);
    shm_manager_close(m);
    return 0;
}

/* ramfs has no fallocate: blocks are backed by way of the mapping. */
static int without_fallocate(void) {
    struct shm_arena *a;
    int fd = open("/dev/shm", O_TMPFILE | O_RDWR, 0600);
    CHECK(fd >= 0 && fallocate(fd, 0, 0, 4096) && errno == EOPNOTSUPP);
    CHECK(!make_pool(8 * MIB, 0, &a));
    CHECK(allocate_all(a) == SHM_ARENA_NO_MEMORY);
    touch_all();
    CHECK(all_as_written());
    return free_all(a);
}

#define IN_SMALL_SHM(name, body)                                                                   \
    static void name(void **state) {                                                               \
        (void)state;                                                                               \
        expect_success_with_shm(body, "tmpfs", "size=4m");                                         \
    }
IN_SMALL_SHM(creating_a_pool_without_room_is_an_error_and_leaves_nothing, creating)
IN_SMALL_SHM(what_is_handed_out_can_be_touched_when_the_system_is_full, touching)
IN_SMALL_SHM(every_slot_can_be_had_once_there_is_room_again, coming_back)
IN_SMALL_SHM(a_refused_request_takes_no_room, refused)
IN_SMALL_SHM(a_request_refused_in_parts_takes_no_room, refused_in_parts)
IN_SMALL_SHM(backed_slots_are_found_behind_others, finding_what_is_backed)
IN_SMALL_SHM(joining_without_room_is_an_error, joining)
IN_SMALL_SHM(a_prefaulted_pool_needs_no_more, prefaulted)
IN_SMALL_SHM(a_manager_without_room_says_so, managed)

static void a_file_system_without_fallocate_serves(void **state) {
    (void)state;
    expect_success_with_shm(without_fallocate, "ramfs", NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creating_a_pool_without_room_is_an_error_and_leaves_nothing),
        cmocka_unit_test(what_is_handed_out_can_be_touched_when_the_system_is_full),
        cmocka_unit_test(every_slot_can_be_had_once_there_is_room_again),
        cmocka_unit_test(a_refused_request_takes_no_room),
        cmocka_unit_test(a_request_refused_in_parts_takes_no_room),
        cmocka_unit_test(backed_slots_are_found_behind_others),
        cmocka_unit_test(joining_without_room_is_an_error),
        cmocka_unit_test(a_prefaulted_pool_needs_no_more),
        cmocka_unit_test(a_manager_without_room_says_so),
        cmocka_unit_test(a_file_system_without_fallocate_serves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
