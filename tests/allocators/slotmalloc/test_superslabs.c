/* Superslabs against a plain array: no slot is given twice, none is lost, the index agrees. */
#include "allocators/slotmalloc/src/api/init.h"
#include "allocators/slotmalloc/src/base/kernel.h"
#include "allocators/slotmalloc/src/memory/region.h"
#include "allocators/slotmalloc/src/memory/supply.h"
#include "tests/allocators/conformance/support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HELD = 400, MODEL_SLOTS = 1 << 18 };
struct piece {
    uint32_t slot, count;
};

static struct piece held[HELD];
static unsigned char *model; /* by slot: 1 where the model says that it is taken */

static unsigned char *model_at(uint32_t slot) {
    assert_true(slot >= SLOTS_PER_SUPERSLAB && slot < MODEL_SLOTS);
    assert_true(region_is_known(slot / SLOTS_PER_SUPERSLAB));
    return &model[slot];
}

static void model_mark(uint32_t slot, uint32_t count, unsigned char from, unsigned char to) {
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(*model_at(slot + i), from);
        *model_at(slot + i) = to;
    }
}

static void expect_valid(void) {
    for (uint32_t n = 0; (n = region_next_known(n)) != 0;) {
        assert_true(superslab_is_valid(n));
    }
}

static void take(struct piece *piece, uint64_t word) {
    struct taken taken;
    enum zone zone = (word >> 8) % ZONES;
    if (word % 8 == 0) {
        uint32_t align = 1u << (word >> 16) % 4;
        piece->count = 1 + (word >> 32) % 200;
        assert_int_equal(supply_take_superslab_range(piece->count, align, &taken), OK);
        assert_int_equal((uintptr_t)slot_address(taken.slot) % (align * SUPERSLAB_SIZE), 0);
    } else {
        unsigned align = 1u << (word >> 16) % 6;
        piece->count = word >> 24 & 1 ? 1 + (word >> 32) % 4 : 1 + (word >> 32) % 32;
        assert_int_equal(supply_take_any(zone, piece->count, align, &taken), OK);
        assert_int_equal(taken.slot % align, 0);
        uint32_t last = taken.slot + piece->count - 1;
        assert_int_equal(taken.slot / SLOTS_PER_SUPERSLAB, last / SLOTS_PER_SUPERSLAB);
    }
    piece->slot = taken.slot;
    model_mark(piece->slot, piece->count, 0, 1);
}

static void extend(struct piece *piece, uint64_t word) {
    uint32_t more = 1 + (word >> 40) % 40;
    if (supply_extend(piece->slot, piece->count, more)) {
        model_mark(piece->slot + piece->count, more, 0, 1);
        piece->count += more;
    }
}

static void give(struct piece *piece) {
    supply_give(piece->slot, piece->count);
    model_mark(piece->slot, piece->count, 1, 0);
    piece->count = 0;
}

static void takes_and_gives_agree_with_a_plain_array(void **state) {
    (void)state;
    uint64_t random = 1;
    for (size_t step = 0; step < 60000; step++) {
        uint64_t word = random_next(&random);
        struct piece *piece = &held[(word >> 4) % HELD];
        if (piece->count == 0) {
            take(piece, random_next(&random));
        } else if (word % 16 == 0) {
            extend(piece, random_next(&random));
        } else {
            give(piece);
        }
        if (step % 2000 == 0) {
            expect_valid();
        }
    }
    for (size_t i = 0; i < HELD; i++) {
        if (held[i].count != 0) {
            give(&held[i]);
        }
    }
    expect_valid();
    assert_int_equal(superslab_totals.used, 0);
}

/* All was given back above: taking it again needs no superslab that was not known. */
static void what_was_given_back_is_taken_again_first(void **state) {
    (void)state;
    uint64_t fresh = superslab_totals.superslabs_new;
    for (size_t i = 0; i < HELD; i++) {
        struct taken taken;
        assert_int_equal(supply_take_any(0, 1, 1, &taken), OK);
        held[i] = (struct piece){taken.slot, 1};
        model_mark(taken.slot, 1, 0, 1);
    }
    assert_int_equal(superslab_totals.superslabs_new, fresh);
    for (size_t i = 0; i < HELD; i++) {
        give(&held[i]);
    }
}

enum { PIECES = 300, PIECE_SLOTS = 16 }; /* more than one batch; two of them fill a superslab */

static void pieces_take(void) {
    for (size_t i = 0; i < PIECES; i++) {
        struct taken taken;
        assert_int_equal(supply_take_any(ZONE_LARGE, PIECE_SLOTS, PIECE_SLOTS, &taken), OK);
        held[i] = (struct piece){taken.slot, PIECE_SLOTS};
        model_mark(taken.slot, PIECE_SLOTS, 0, 1);
        memset(slot_address(taken.slot), 0xa5, 64);
    }
}

static void pieces_give(size_t first) {
    for (size_t i = first; i < PIECES; i += 2) {
        give(&held[i]);
    }
}

/* Every second piece is unused, so that no two lie side by side. */
static void expect_pieces(char odd_byte) {
    for (size_t i = 0; i < PIECES; i++) {
        char expected = i % 2 ? odd_byte : (char)0xa5;
        assert_int_equal(*slot_address(held[i].slot), expected);
    }
}

/* The kernel takes many pieces in one call, then none, then one at a time. */
static void purged_pieces_are_zero_and_those_between_stay(void **state) {
    (void)state;
    assert_true(supply_purge(0));
    for (int turn = 0; turn < 3; turn++) {
        pieces_take();
        pieces_give(1);
        uint64_t warm = superslab_totals.warm;
        kernel_fault_after = turn == 1 ? 0 : -1;
        assert_int_equal(supply_purge(0), turn != 1);
        kernel_fault_after = -1;
        assert_int_equal(superslab_totals.warm, turn == 1 ? warm : 0);
        expect_pieces(turn == 1 ? (char)0xa5 : 0);
        expect_valid();
        pieces_give(0);
    }
}

static int arena_is_ready(void **state) {
    (void)state;
    model = calloc(MODEL_SLOTS, 1);
    assert_non_null(model);
    return init_ready() ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_and_gives_agree_with_a_plain_array),
        cmocka_unit_test(what_was_given_back_is_taken_again_first),
        cmocka_unit_test(purged_pieces_are_zero_and_those_between_stay),
    };
    return cmocka_run_group_tests(tests, arena_is_ready, NULL);
}
