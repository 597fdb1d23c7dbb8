#include "cmocka_all.h"
#include "memtest/verify.h"

#include <stdbool.h>
#include <string.h>

enum { BYTES = 300 };
static unsigned char memory[BYTES];

static struct block block_of(size_t size) {
    return (struct block){memory, (uint64_t)size << BLOCK_ID_BITS | 42};
}

static void every_size_keeps_its_stamp(void **state) {
    (void)state;
    for (size_t size = 0; size < BYTES; size++) {
        for (enum verify_level level = VERIFY_STAMP; level <= VERIFY_FULL; level++) {
            verify_stamp(block_of(size), 0, level);
            assert_true(verify_damage(block_of(size), memory, SIZE_MAX, 0, level) == SIZE_MAX);
        }
    }
}

static void full_notices_any_changed_byte(void **state) {
    (void)state;
    for (size_t i = 0; i < 100; i++) {
        verify_stamp(block_of(100), 0, VERIFY_FULL);
        memory[i] ^= 1;
        assert_int_equal(verify_damage(block_of(100), memory, SIZE_MAX, 0, VERIFY_FULL), i / 8 * 8);
    }
}

static void stamp_notices_both_ends_only(void **state) {
    (void)state;
    for (size_t i = 0; i < 100; i++) {
        verify_stamp(block_of(100), 0, VERIFY_STAMP);
        memory[i] ^= 1;
        bool noticed = verify_damage(block_of(100), memory, SIZE_MAX, 0, VERIFY_STAMP) != SIZE_MAX;
        assert_true(noticed == (i < 8 || i >= 92));
    }
}

static void the_payload_is_left_alone(void **state) {
    (void)state;
    memset(memory, 7, sizeof memory);
    verify_stamp(block_of(40), 24, VERIFY_FULL);
    for (size_t i = 0; i < 24; i++)
        assert_int_equal(memory[i], 7);
    memset(memory, 9, 24);
    assert_true(verify_damage(block_of(40), memory, SIZE_MAX, 24, VERIFY_FULL) == SIZE_MAX);
    verify_stamp(block_of(16), 24, VERIFY_FULL);
    assert_true(verify_damage(block_of(16), memory, SIZE_MAX, SIZE_MAX, VERIFY_FULL) == SIZE_MAX);
}

static void two_blocks_at_one_address_have_different_stamps(void **state) {
    (void)state;
    struct block first = block_of(64), second = first;
    second.tag++;
    verify_stamp(first, 0, VERIFY_STAMP);
    verify_stamp(second, 0, VERIFY_STAMP);
    assert_int_equal(verify_damage(first, memory, SIZE_MAX, 0, VERIFY_STAMP), 0);
}

static void a_byte_that_is_not_zero_is_found(void **state) {
    (void)state;
    memset(memory, 0, sizeof memory);
    assert_true(verify_not_zero(memory, BYTES, VERIFY_FULL) == SIZE_MAX);
    memory[150] = 1;
    assert_int_equal(verify_not_zero(memory, BYTES, VERIFY_FULL), 150);
    assert_true(verify_not_zero(memory, BYTES, VERIFY_STAMP) == SIZE_MAX);
    memory[BYTES - 1] = 1;
    assert_int_equal(verify_not_zero(memory, BYTES, VERIFY_STAMP), BYTES - 1);
}

static void alignment_is_that_of_the_largest_object_that_fits(void **state) {
    (void)state;
    assert_int_equal(verify_natural_alignment(0), 1);
    assert_int_equal(verify_natural_alignment(1), 1);
    assert_int_equal(verify_natural_alignment(7), 4);
    assert_int_equal(verify_natural_alignment(8), 8);
    assert_int_equal(verify_natural_alignment(15), 8);
    assert_int_equal(verify_natural_alignment(16), 16);
    assert_int_equal(verify_natural_alignment(5000), 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_keeps_its_stamp),
        cmocka_unit_test(full_notices_any_changed_byte),
        cmocka_unit_test(stamp_notices_both_ends_only),
        cmocka_unit_test(the_payload_is_left_alone),
        cmocka_unit_test(two_blocks_at_one_address_have_different_stamps),
        cmocka_unit_test(a_byte_that_is_not_zero_is_found),
        cmocka_unit_test(alignment_is_that_of_the_largest_object_that_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
