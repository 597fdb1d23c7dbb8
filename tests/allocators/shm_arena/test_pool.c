/* Life of a pool: creating, naming, attaching, refusing, passing descriptors, options. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct shm_arena_options small(void) {
    struct shm_arena_options o = SHM_ARENA_OPTIONS_INIT;
    o.size = 2 * MIB;
    return o;
}

static struct stat status_of(struct shm_arena *arena) {
    struct stat status;
    assert_int_equal(fstat(shm_arena_fd(arena), &status), 0);
    return status;
}

static void a_pool_is_private_by_default(void **state) {
    (void)state;
    struct shm_arena *arena = pool_of(MIB, 0);
    assert_int_equal(status_of(arena).st_mode & 0777, 0600);
    assert_string_equal(shm_arena_name(arena), "");
    int seals = fcntl(shm_arena_fd(arena), F_GET_SEALS);
    assert_int_equal(seals & (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
                     F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    assert_int_equal(ftruncate(shm_arena_fd(arena), 4096), -1);
    assert_int_equal(fcntl(shm_arena_fd(arena), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    shm_arena_detach(arena);
}

static void names_are_unguessable_unless_given(void **state) {
    (void)state;
    struct shm_arena_options o = small();
    struct shm_arena *a, *b;
    o.backend = SHM_ARENA_SHM;
    assert_ok(shm_arena_create(&o, &a));
    assert_ok(shm_arena_create(&o, &b));
    assert_int_equal(strlen(shm_arena_name(a)), strlen("/shm-arena-") + 32);
    assert_string_not_equal(shm_arena_name(a), shm_arena_name(b));
    assert_ok(shm_arena_destroy(a));
    assert_ok(shm_arena_destroy(b));
}

static void a_named_pool_is_found_by_its_name(void **state) {
    (void)state;
    struct shm_arena_options o = small();
    struct shm_arena *a, *b, *c;
    char name[64];
    snprintf(name, sizeof name, "/alloclab-test-%d", getpid());
    o.backend = SHM_ARENA_SHM;
    o.name = name;
    assert_code(shm_arena_attach(SHM_ARENA_SHM, name, 0, &b), SHM_ARENA_NOT_FOUND);
    assert_ok(shm_arena_create(&o, &a));
    assert_code(shm_arena_create(&o, &c), SHM_ARENA_EXISTS);
    assert_ok(shm_arena_attach(SHM_ARENA_SHM, name, 0, &b));
    uint64_t offset = alloc_offset(a, 4096);
    strcpy(shm_arena_address(a, offset), "hello");
    assert_string_equal(shm_arena_address(b, offset), "hello");
    assert_ptr_not_equal(shm_arena_address(a, offset), shm_arena_address(b, offset));
    assert_ok(shm_arena_free(b, offset));
    shm_arena_detach(b);
    assert_ok(shm_arena_destroy(a));
    assert_code(shm_arena_attach(SHM_ARENA_SHM, name, 0, &b), SHM_ARENA_NOT_FOUND);
    assert_code(shm_arena_unlink(SHM_ARENA_SHM, name), SHM_ARENA_NOT_FOUND);
}

static void destroy_spares_a_pool_that_took_over_the_name(void **state) {
    (void)state;
    struct shm_arena_options o = small();
    struct shm_arena *a, *b;
    char name[64];
    snprintf(name, sizeof name, "/alloclab-test-takeover-%d", getpid());
    o.backend = SHM_ARENA_SHM;
    o.name = name;
    assert_ok(shm_arena_create(&o, &a));
    assert_ok(shm_arena_unlink(SHM_ARENA_SHM, name));
    assert_ok(shm_arena_create(&o, &b));
    assert_code(shm_arena_destroy(a), SHM_ARENA_NOT_FOUND);
    assert_ok(shm_arena_destroy(b));
}

/* A folder of the test's own; the caller removes what it makes in it. */
static char *folder(void) {
    static char path[64];
    snprintf(path, sizeof path, "%s/shm-arena-test-XXXXXX", P_tmpdir);
    assert_non_null(mkdtemp(path));
    return path;
}

static void a_pool_can_live_in_a_file(void **state) {
    (void)state;
    struct shm_arena_options o = small();
    struct shm_arena *a, *b;
    char path[80], link[80], *where = folder();
    snprintf(path, sizeof path, "%s/pool", where);
    snprintf(link, sizeof link, "%s/link", where);
    o.backend = SHM_ARENA_FILE;
    o.name = path;
    assert_ok(shm_arena_create(&o, &a));
    uint64_t offset = alloc_offset(a, 100000);
    strcpy(shm_arena_address(a, offset), "kept");
    shm_arena_detach(a);
    assert_ok(shm_arena_attach(SHM_ARENA_FILE, path, 0, &b));
    assert_string_equal(shm_arena_address(b, offset), "kept");
    assert_ok(shm_arena_free(b, offset));
    assert_whole(b);
    assert_int_equal(symlink(path, link), 0);
    assert_code(shm_arena_attach(SHM_ARENA_FILE, link, 0, &a), SHM_ARENA_NOT_A_FILE);
    assert_ok(shm_arena_destroy(b));
    unlink(link);
    rmdir(where);
}

static void things_that_are_no_pools_are_refused(void **state) {
    (void)state;
    struct shm_arena *a;
    char path[80], *where = folder();
    snprintf(path, sizeof path, "%s/x", where);
    assert_code(shm_arena_attach(SHM_ARENA_FILE, where, 0, &a), SHM_ARENA_NOT_A_FILE);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_code(shm_arena_attach(SHM_ARENA_FILE, path, 0, &a), SHM_ARENA_NOT_A_FILE);
    unlink(path);
    int fd = open(path, O_CREAT | O_RDWR, 0600);
    assert_code(shm_arena_attach(SHM_ARENA_FILE, path, 0, &a), SHM_ARENA_NOT_A_POOL);
    assert_code(shm_arena_attach_fd(fd, 0, &a), SHM_ARENA_NOT_A_POOL);
    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    assert_code(shm_arena_attach_fd(fd, 0, &a), SHM_ARENA_NOT_A_POOL);
    close(fd);
    unlink(path);
    rmdir(where);
    assert_code(shm_arena_attach_fd(-1, 0, &a), SHM_ARENA_SYSTEM);
    assert_code(shm_arena_attach(SHM_ARENA_SHM, "/a/b", 0, &a), SHM_ARENA_INVALID);
    assert_code(shm_arena_attach(SHM_ARENA_SHM, "no-slash", 0, &a), SHM_ARENA_INVALID);
    assert_code(shm_arena_attach(SHM_ARENA_SHM, "/..", 0, &a), SHM_ARENA_INVALID);
    assert_code(shm_arena_attach(SHM_ARENA_MEMFD, "label", 0, &a), SHM_ARENA_INVALID);
}

static void senseless_options_are_refused(void **state) {
    (void)state;
    struct shm_arena *a;
    struct shm_arena_options good = small(), o;
#define REFUSED(field, value)                                                                      \
    o = good;                                                                                      \
    o.field = value;                                                                               \
    assert_code(shm_arena_create(&o, &a), SHM_ARENA_INVALID)
    REFUSED(size, 0);
    REFUSED(size, SIZE_MAX);
    REFUSED(alignment, 100);
    REFUSED(alignment, 4 * MIB);
    REFUSED(max_processes, 0);
    REFUSED(max_processes, 5000);
    REFUSED(mode, 01777);
    REFUSED(numa_node, -2);
    REFUSED(huge_page_size, 3000);
    REFUSED(backend, (enum shm_arena_backend)7);
    assert_code(shm_arena_create(NULL, &a), SHM_ARENA_INVALID);
    assert_code(shm_arena_create(&good, NULL), SHM_ARENA_INVALID);
}

static void the_pools_alignment_holds_for_every_block(void **state) {
    (void)state;
    struct shm_arena_options o = small();
    struct shm_arena *a;
    o.alignment = 4096;
    assert_ok(shm_arena_create(&o, &a));
    for (size_t size = 1; size < 100000; size = size * 2 + 1)
        assert_int_equal(alloc_offset(a, size) % 4096, 0);
    shm_arena_detach(a);
}

static void a_fixed_pool_is_at_one_address_everywhere(void **state) {
    (void)state;
    struct shm_arena *a = pool_of(2 * MIB, SHM_ARENA_FIXED_ADDRESS), *b;
    struct shm_block block;
    assert_ok(shm_arena_alloc(a, 64, 0, &block));
    *(void **)block.address = block.address; /* a plain pointer inside the pool */
    int fd = dup(shm_arena_fd(a));
    assert_code(shm_arena_attach_fd(fd, 0, &b),
                SHM_ARENA_ADDRESS_TAKEN); /* this process has it there already */
    shm_arena_detach(a);
    assert_ok(shm_arena_attach_fd(fd, 0, &b));
    void **there = shm_arena_address(b, block.offset);
    assert_ptr_equal(there, block.address);
    assert_ptr_equal(*there, there);
    shm_arena_detach(b);
    close(fd);
}

static void prefault_takes_all_page_faults_at_once(void **state) {
    (void)state;
    struct shm_arena *a = pool_of(8 * MIB, SHM_ARENA_PREFAULT);
    assert_true((uint64_t)status_of(a).st_blocks * 512 >= 8 * MIB);
    shm_arena_detach(a);
}

static uint64_t bytes_taken(struct shm_arena *a) {
    return (uint64_t)status_of(a).st_blocks * 512;
}

static void memory_is_taken_when_a_block_is_allocated(void **state) {
    (void)state;
    struct shm_arena *a = pool_of(64 * MIB, 0);
    assert_true(bytes_taken(a) < 64 * KIB);
    uint64_t offset = alloc_offset(a, 8 * MIB), taken = bytes_taken(a);
    assert_in_range(taken, 8 * MIB, 8 * MIB + 256 * KIB);
    assert_ok(shm_arena_free(a, offset));
    alloc_offset(a, 7 * MIB);
    assert_int_equal(bytes_taken(a), taken); /* once */
    shm_arena_trim(a);
    assert_in_range(bytes_taken(a), 7 * MIB, 7 * MIB + 256 * KIB);
    shm_arena_detach(a);
}

static void an_overcommitted_pool_takes_memory_when_touched(void **state) {
    (void)state;
    struct shm_arena *a = pool_of((size_t)1 << 30, SHM_ARENA_OVERCOMMIT), *b = attach_again(a);
    alloc_offset(a, 300 * MIB);
    uint64_t offset = alloc_offset(b, 300 * MIB);
    assert_true(bytes_taken(a) < 2 * MIB);
    memset(shm_arena_address(b, offset), 1, MIB);
    assert_true(bytes_taken(a) < 3 * MIB);
    shm_arena_detach(b);
    shm_arena_detach(a);
}

static void a_pool_binds_to_a_numa_node_that_exists(void **state) {
    (void)state;
    struct shm_arena_options o = small();
    struct shm_arena *a;
    o.numa_node = 0;
    assert_ok(shm_arena_create(&o, &a));
    memset(shm_arena_address(a, alloc_offset(a, MIB)), 1, MIB);
    shm_arena_detach(a);
    o.numa_node = 1000;
    assert_code(shm_arena_create(&o, &a), SHM_ARENA_NO_NODE);
}

static bool hugetlb_pages_free(void) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/meminfo", "r");
    char line[128];
    while (file && fgets(line, sizeof line, file))
        sscanf(line, "HugePages_Free: %lu", &pages);
    if (file)
        fclose(file);
    return pages >= 4;
}

static void huge_pages_are_used_or_refused_but_never_pretended(void **state) {
    (void)state;
    struct shm_arena_options o = small();
    struct shm_arena *a;
    o.huge = SHM_ARENA_HUGE_TRY;
    assert_ok(shm_arena_create(&o, &a));
    memset(shm_arena_address(a, alloc_offset(a, MIB)), 1, MIB);
    if (hugetlb_pages_free())
        assert_int_equal(shm_arena_huge_pages(a), 2);
    int got = shm_arena_huge_pages(a);
    shm_arena_detach(a);
    o.huge = SHM_ARENA_HUGE_REQUIRE;
    assert_code(shm_arena_create(&o, &a), got ? SHM_ARENA_OK : SHM_ARENA_NO_HUGE_PAGES);
    if (got)
        shm_arena_detach(a);
}

static void a_descriptor_passed_over_a_socket_attaches(void **state) {
    (void)state;
    int ends[2];
    struct shm_arena *a = pool_of(2 * MIB, 0), *b;
    uint64_t offset = alloc_offset(a, 4096);
    strcpy(shm_arena_address(a, offset), "passed");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_ok(shm_arena_send(a, ends[0]));
    assert_ok(shm_arena_receive(ends[1], 0, &b));
    assert_string_equal(shm_arena_address(b, offset), "passed");
    assert_int_equal(shm_arena_id(a), shm_arena_id(b));
    shm_arena_detach(b);
    assert_int_equal(write(ends[0], "x", 1), 1); /* a message without a descriptor */
    assert_code(shm_arena_receive(ends[1], 0, &b), SHM_ARENA_NOT_A_POOL);
    close(ends[0]);
    assert_code(shm_arena_receive(ends[1], 0, &b), SHM_ARENA_NOT_A_POOL);
    assert_code(shm_arena_send(a, ends[0]), SHM_ARENA_SYSTEM);
    close(ends[1]);
    shm_arena_detach(a);
}

static void an_unsealed_memfd_is_sealed_by_whoever_attaches(void **state) {
    (void)state;
    struct shm_arena *a = pool_of(MIB, 0), *b;
    int fd = memfd_create("copy", MFD_ALLOW_SEALING | MFD_CLOEXEC);
    size_t bytes = (size_t)status_of(a).st_size;
    char header[4096];
    assert_int_equal(pread(shm_arena_fd(a), header, sizeof header, 0), sizeof header);
    assert_int_equal(pwrite(fd, header, sizeof header, 0), sizeof header);
    assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
    assert_int_equal(fchmod(fd, 0600), 0);
    assert_ok(shm_arena_attach_fd(fd, 0, &b));
    assert_int_equal(ftruncate(fd, 4096), -1);
    shm_arena_detach(b);
    shm_arena_detach(a);
    close(fd);
}

static void a_pool_that_others_may_write_is_refused_unless_asked_for(void **state) {
    (void)state;
    struct shm_arena_options o = small();
    struct shm_arena *a, *b;
    o.mode = 0660;
    assert_ok(shm_arena_create(&o, &a));
    assert_int_equal(status_of(a).st_mode & 0777, 0660);
    assert_code(shm_arena_attach_fd(shm_arena_fd(a), 0, &b), SHM_ARENA_WRONG_MODE);
    assert_ok(shm_arena_attach_fd(shm_arena_fd(a), SHM_ARENA_ANY_OWNER, &b));
    shm_arena_detach(b);
    shm_arena_detach(a);
}

static void the_process_table_has_an_end(void **state) {
    (void)state;
    struct shm_arena_options o = small();
    struct shm_arena *a, *b, *c;
    o.max_processes = 2;
    assert_ok(shm_arena_create(&o, &a));
    assert_ok(shm_arena_attach_fd(shm_arena_fd(a), 0, &b));
    assert_code(shm_arena_attach_fd(shm_arena_fd(a), 0, &c), SHM_ARENA_TOO_MANY_PROCESSES);
    shm_arena_detach(b);
    assert_ok(shm_arena_attach_fd(shm_arena_fd(a), 0, &c));
    shm_arena_detach(c);
    shm_arena_detach(a);
}

static void every_error_has_a_text(void **state) {
    (void)state;
    for (int code = SHM_ARENA_OK; code <= SHM_ARENA_NO_SPACE; code++)
        assert_true(strlen(shm_arena_error_text(code)) > 5);
    assert_string_equal(shm_arena_error_text(-1), shm_arena_error_text(1000));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_is_private_by_default),
        cmocka_unit_test(names_are_unguessable_unless_given),
        cmocka_unit_test(a_named_pool_is_found_by_its_name),
        cmocka_unit_test(destroy_spares_a_pool_that_took_over_the_name),
        cmocka_unit_test(a_pool_can_live_in_a_file),
        cmocka_unit_test(things_that_are_no_pools_are_refused),
        cmocka_unit_test(senseless_options_are_refused),
        cmocka_unit_test(the_pools_alignment_holds_for_every_block),
        cmocka_unit_test(a_fixed_pool_is_at_one_address_everywhere),
        cmocka_unit_test(prefault_takes_all_page_faults_at_once),
        cmocka_unit_test(memory_is_taken_when_a_block_is_allocated),
        cmocka_unit_test(an_overcommitted_pool_takes_memory_when_touched),
        cmocka_unit_test(a_pool_binds_to_a_numa_node_that_exists),
        cmocka_unit_test(huge_pages_are_used_or_refused_but_never_pretended),
        cmocka_unit_test(a_descriptor_passed_over_a_socket_attaches),
        cmocka_unit_test(an_unsealed_memfd_is_sealed_by_whoever_attaches),
        cmocka_unit_test(a_pool_that_others_may_write_is_refused_unless_asked_for),
        cmocka_unit_test(the_process_table_has_an_end),
        cmocka_unit_test(every_error_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
