/* Fuzzing the header: every single bit flipped, and every field set to values that lie although the
 * checksum is right. */
#include "base/layout.h"
#include "support.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct shm_arena *arena;
static struct header *header; /* mapped by the fuzzer, who is allowed to write what he likes */

static int open_pool(void **state) {
    (void)state;
    arena = pool_of(MIB, 0);
    header = mmap(NULL, sizeof *header, PROT_READ | PROT_WRITE, MAP_SHARED, shm_arena_fd(arena), 0);
    return header == MAP_FAILED;
}

static int close_pool(void **state) {
    (void)state;
    munmap(header, sizeof *header);
    shm_arena_detach(arena);
    return 0;
}

static int attach_code(void) {
    struct shm_arena *other;
    int code = shm_arena_attach_fd(shm_arena_fd(arena), 0, &other);
    if (!code)
        shm_arena_detach(other);
    return code;
}

static void every_flipped_bit_is_found(void **state) {
    (void)state;
    unsigned char *bytes = (unsigned char *)header;
    assert_ok(attach_code());
    for (size_t bit = 0; bit < sizeof *header * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        int code = attach_code();
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (code != SHM_ARENA_NOT_A_POOL && code != SHM_ARENA_VERSION && code != SHM_ARENA_CHECKSUM)
            fail_msg("bit %zu: %s", bit, shm_arena_error_text(code));
    }
    assert_ok(attach_code());
}

/* The refusal of a header that lies in one field, with a checksum to match. */
#define REFUSED(field, value, wanted)                                                              \
    do {                                                                                           \
        struct header kept_ = *header;                                                             \
        header->field = (value);                                                                   \
        header->checksum = header_checksum(header);                                                \
        int refusal_ = attach_code();                                                              \
        *header = kept_;                                                                           \
        assert_code(refusal_, wanted);                                                             \
    } while (0)

static void a_lie_with_a_good_checksum_is_found(void **state) {
    (void)state;
    REFUSED(magic, header->magic + 1, SHM_ARENA_NOT_A_POOL);
    REFUSED(version, header->version + 1, SHM_ARENA_VERSION);
    REFUSED(header_bytes, 64, SHM_ARENA_VERSION);
    REFUSED(slot_bytes, 4096, SHM_ARENA_VERSION);
    REFUSED(classes, 255, SHM_ARENA_VERSION);
    REFUSED(lanes, 1, SHM_ARENA_VERSION);
    REFUSED(total_bytes, header->total_bytes - 4096, SHM_ARENA_LAYOUT);
    REFUSED(total_bytes, UINT64_MAX, SHM_ARENA_LAYOUT);
    REFUSED(data_offset, 0, SHM_ARENA_LAYOUT);
    REFUSED(slot_count, 0, SHM_ARENA_LAYOUT);
    REFUSED(slot_count, UINT64_MAX, SHM_ARENA_LAYOUT);
    REFUSED(slot_count, header->slot_count + 1, SHM_ARENA_LAYOUT);
    REFUSED(max_processes, 0, SHM_ARENA_LAYOUT);
    REFUSED(max_processes, UINT32_MAX, SHM_ARENA_LAYOUT);
    REFUSED(alignment, 3, SHM_ARENA_LAYOUT);
    REFUSED(alignment, 0, SHM_ARENA_LAYOUT);
    REFUSED(fixed_base, 4096, SHM_ARENA_LAYOUT);
    REFUSED(fixed_base, UINT64_C(1) << 62, SHM_ARENA_LAYOUT);
    REFUSED(id, 0, SHM_ARENA_LAYOUT);
    REFUSED(huge_shift, 63, SHM_ARENA_LAYOUT);
    REFUSED(flags, 1u << 31, SHM_ARENA_LAYOUT);
    assert_ok(attach_code());
}

/* A consistent header of a pool that is larger than the file. */
static void a_file_that_was_cut_is_refused(void **state) {
    (void)state;
    struct header larger = *header, kept = *header;
    struct geometry g = geometry_of(header->slot_count + 64, header->max_processes);
    larger.slot_count = g.slot_count;
    larger.data_offset = g.data;
    larger.total_bytes = g.total;
    larger.checksum = header_checksum(&larger);
    *header = larger;
    int code = attach_code();
    *header = kept;
    assert_code(code, SHM_ARENA_TRUNCATED);
    int fd = memfd_create("short", MFD_CLOEXEC);
    struct shm_arena *other;
    assert_int_equal(fchmod(fd, 0600), 0);
    assert_int_equal(write(fd, header, 100), 100);
    assert_code(shm_arena_attach_fd(fd, 0, &other), SHM_ARENA_TRUNCATED);
    close(fd);
}

/* Words 2 to 4 hold the sizes: with any of them wrong the pool is refused, whatever the rest
 * says. */
static void random_sizes_are_refused(void **state) {
    (void)state;
    struct header kept = *header;
    uint64_t random = 4711, *words = (uint64_t *)header;
    for (int i = 0; i < 20000; i++) {
        for (unsigned word = 2; word < 11; word++)
            if (next_random(&random) % 3 == 0)
                words[word] = next_random(&random) >> next_random(&random) % 64;
        bool lies = memcmp(&words[2], (uint64_t *)&kept + 2, 3 * sizeof *words) != 0;
        header->checksum = header_checksum(header);
        int code = attach_code();
        *header = kept;
        if (lies && code == SHM_ARENA_OK)
            fail_msg("random header %d was accepted", i);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_flipped_bit_is_found, open_pool, close_pool),
        cmocka_unit_test_setup_teardown(a_lie_with_a_good_checksum_is_found, open_pool, close_pool),
        cmocka_unit_test_setup_teardown(a_file_that_was_cut_is_refused, open_pool, close_pool),
        cmocka_unit_test_setup_teardown(random_sizes_are_refused, open_pool, close_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
