#include "blocks/small.h"

#include "base/back.h"
#include "base/map.h"
#include "blocks/slot.h"
#include "process/lane.h"
#include "process/process.h"

/* The states of a slot of small blocks, and of a block in it:
 *
 *     UNUSED -> OPENING(me) -> SMALL(me) -> SMALL(no owner) -> SEALING(me) -> UNUSED
 *     SEALED -> FREE -> PENDING|tag -> tag -> FREE ... -> SEALED
 *
 * Why no block is allocated twice: an allocation takes a block by a compare-and-swap from FREE to
 * PENDING|tag, and then reads the slot's class again. If that is not the class that it computed the
 * address with, the slot was retired and opened again in between, and it frees the block. If it is,
 * the class cannot change any more, since sealing needs every block to be FREE. An unused slot has
 * only SEALED blocks, so a late compare-and-swap fails there.
 *
 * Why freed memory is found again: an owner that leaves a full slot first gives up the slot, then
 * reads its blocks once more; a free first frees the block, then reads the slot's owner. Both steps
 * are sequentially consistent, so one of the two sees the other's and offers the slot. */

static bool block_change(_Atomic uint16_t *block, unsigned from, unsigned to) {
    CRASH_POINT();
    uint16_t expected = (uint16_t)from;
    bool won = atomic_compare_exchange_strong(block, &expected, (uint16_t)to);
    CRASH_POINT();
    return won;
}

_Atomic uint16_t *small_block(const struct shm_arena *a, uint64_t slot, unsigned class,
                              uint64_t offset) {
    const struct size_class *c = &size_classes[class];
    uint64_t within = (offset - a->view.first) & (SLOT_BYTES - 1);
    uint64_t index = within * c->reciprocal >> 32;
    return index < c->capacity && index * c->bytes == within ? slot_blocks(a, slot, class) + index
                                                             : NULL;
}

/* Four neighbouring block states, read as one word. */
typedef uint64_t __attribute__((may_alias)) four_states;

/* The first free block in [from, end), or end. Loads are sequentially consistent: see "why freed
 * memory is found again"; on x86 that is free. States beyond a slot's capacity are always
 * SEALED. */
static unsigned find_free_in(const _Atomic uint16_t *blocks, unsigned from, unsigned end) {
    const uint64_t ones = UINT64_C(0x0001000100010001), low = UINT64_C(0x7fff7fff7fff7fff);
    uint64_t wanted = ~UINT64_C(0) << 16 * (from % 4);
    for (unsigned i = from / 4 * 4; i < end; i += 4, wanted = ~UINT64_C(0)) {
        const four_states *four = (const four_states *)(const void *)&blocks[i];
        uint64_t x = __atomic_load_n(four, __ATOMIC_SEQ_CST) ^ (ones * BLOCK_FREE);
        uint64_t equal = ~(((x & low) + low) | x) & ~low & wanted; /* top bit of each zero lane */
        if (equal) {
            i += (unsigned)__builtin_ctzll(equal) / 16;
            return i < end ? i : end;
        }
    }
    return end;
}

/* The index of the first free block from `from` on, with wrap-around, or the capacity. */
static unsigned find_free(const _Atomic uint16_t *blocks, unsigned capacity, unsigned from) {
    if (from < capacity && atomic_load(&blocks[from]) == BLOCK_FREE)
        return from; /* the usual case: avoids a wide load of a state that was just stored */
    unsigned i = find_free_in(blocks, from, capacity);
    if (i == capacity && (i = find_free_in(blocks, 0, from)) == from)
        return capacity;
    return i;
}

/* Seals every block. If one is in use, makes those sealed before it FREE again. */
static bool seal_blocks(struct shm_arena *a, uint64_t slot, unsigned class) {
    _Atomic uint16_t *blocks = slot_blocks(a, slot, class);
    for (unsigned i = 0; i < size_classes[class].capacity; i++) {
        if (block_change(&blocks[i], BLOCK_FREE, BLOCK_SEALED))
            continue;
        while (i-- > 0)
            block_change(&blocks[i], BLOCK_SEALED, BLOCK_FREE);
        return false;
    }
    return true;
}

/* Makes a slot unused if all its blocks are free; `word` is its state so far. */
static bool retire_slot(struct shm_arena *a, uint64_t slot, uint64_t word) {
    unsigned class = word_class(word);
    uint64_t sealing = slot_word(SLOT_SEALING, class, arena_me(a), 0);
    if (!slot_change(a, slot, word, sealing))
        return false;
    if (seal_blocks(a, slot, class)) {
        map_clear(a, 1 + class, slot);
        slots_count(a, -1);
        slot_change(a, slot, sealing, SLOT_UNUSED);
        slots_offer(a, slot, 1);
        return true;
    }
    slot_change(a, slot, sealing, slot_word(SLOT_SMALL, class, 0, 0));
    map_set(a, 1 + class, slot);
    return false;
}

void small_reopen(struct shm_arena *a, uint64_t slot, uint64_t word) {
    unsigned class = word_class(word);
    /* Blocks become FREE only in a slot that is marked as backed, and the mark stays while the slot
     * is in use. Without the mark no block is FREE yet. */
    if (word_kind(word) == SLOT_OPENING && !map_has(a, DATA_BACKED_MAP, slot)) {
        slots_offer(a, slot, slot_change(a, slot, word, SLOT_UNUSED));
        return;
    }
    _Atomic uint16_t *blocks = slot_blocks(a, slot, class);
    for (unsigned i = 0; i < size_classes[class].capacity; i++)
        block_change(&blocks[i], BLOCK_SEALED, BLOCK_FREE);
    if (slot_change(a, slot, word, slot_word(SLOT_SMALL, class, 0, 0)))
        small_offer(a, slot, class);
}

/* Whether no block was seen in use. Starting from the block that was last seen in use makes this a
 * single load in most cases, instead of a scan of the slot at every free. */
static bool looks_empty(struct shm_arena *a, uint64_t slot, unsigned class) {
    _Atomic uint16_t *blocks = slot_blocks(a, slot, class), *in_use = &a->smalls[slot].in_use;
    unsigned capacity = size_classes[class].capacity;
    unsigned from = atomic_load_explicit(in_use, memory_order_relaxed) % capacity;
    for (unsigned n = 0, i = from; n < capacity; n++, i = i + 1 < capacity ? i + 1 : 0)
        if (atomic_load_explicit(&blocks[i], memory_order_relaxed) != BLOCK_FREE) {
            if (i != from)
                atomic_store_explicit(in_use, (uint16_t)i, memory_order_relaxed);
            return false;
        }
    return true;
}

bool small_has_free(const struct shm_arena *a, uint64_t slot, unsigned class) {
    unsigned capacity = size_classes[class].capacity;
    return find_free(slot_blocks(a, slot, class), capacity, 0) < capacity;
}

void small_offer(struct shm_arena *a, uint64_t slot, unsigned class) {
    if (looks_empty(a, slot, class))
        retire_slot(a, slot, slot_word(SLOT_SMALL, class, 0, 0));
    else if (!map_has(a, 1 + class, slot) && small_has_free(a, slot, class))
        map_set(a, 1 + class, slot);
}

/* How many blocks must have been freed in a slot without an owner before it is offered. If one
 * were enough, an allocation would take the slot, fill it and leave it again: four times the work.
 * This withholds at most a quarter of a slot, and pool_sweep() offers that too before memory runs
 * out. */
static unsigned frees_before_offer(unsigned class) {
    unsigned quarter = size_classes[class].capacity / 4;
    return quarter < 1 ? 1 : quarter > 64 ? 64 : quarter;
}

/* Counts a block freed in a slot without an owner. Two concurrent frees may count as one: the count
 * is a hint. */
static void count_free(struct shm_arena *a, uint64_t slot, unsigned class) {
    _Atomic uint16_t *count = &a->smalls[slot].freed;
    unsigned freed = atomic_load_explicit(count, memory_order_relaxed) + 1u;
    atomic_store_explicit(count, (uint16_t)freed, memory_order_relaxed);
    if (freed >= frees_before_offer(class))
        small_offer(a, slot, class);
    else if (looks_empty(a, slot, class))
        retire_slot(a, slot, slot_word(SLOT_SMALL, class, 0, 0));
}

/* Takes an open slot of the class that has no owner. */
static bool adopt_slot(struct shm_arena *a, unsigned me, unsigned class, uint64_t *slot) {
    while (map_take(a, 1 + class, slot))
        if (slot_change(a, *slot, slot_word(SLOT_SMALL, class, 0, 0),
                        slot_word(SLOT_SMALL, class, me, 0)))
            return true;
    return false;
}

/* Opens a slot that looked unused. BUSY if another process took it first. */
static int open_found(struct shm_arena *a, unsigned me, unsigned class, uint64_t slot) {
    uint64_t opening = slot_word(SLOT_OPENING, class, me, 0);
    int error =
        back_side(a, slot, class); /* first: others read the block states of an OPENING slot */
    if (error) {
        slots_offer(a, slot, 1);
        return error;
    }
    if (!slot_change(a, slot, SLOT_UNUSED, opening))
        return SHM_ARENA_BUSY;
    error = back_data(a, slot, 1);
    if (error) {
        slot_change(a, slot, opening, SLOT_UNUSED);
        slots_offer(a, slot, 1);
        return error;
    }
    slots_count(a, 1);
    _Atomic uint16_t *blocks = slot_blocks(a, slot, class);
    for (unsigned i = 0; i < size_classes[class].capacity; i++) {
        atomic_store_explicit(&blocks[i], BLOCK_FREE, memory_order_release);
        CRASH_POINT();
    }
    slot_change(a, slot, opening, slot_word(SLOT_SMALL, class, me, 0));
    return SHM_ARENA_OK;
}

/* Opens an unused slot for the class. NO_MEMORY, NO_SPACE, or BUSY if other processes kept taking
 * what was found. */
static int open_slot(struct shm_arena *a, unsigned me, unsigned class, bool backed,
                     uint64_t *slot) {
    struct slots_wanted want = {
        .count = 1, .step = 1, .backed = backed, .side = class_has_side(class)};
    for (uint64_t tries = 0; tries < 64 + a->geometry.slot_count; tries++) {
        int error = slots_find(a, &want, slot);
        if (!error && !(error = open_found(a, me, class, *slot)))
            return SHM_ARENA_OK;
        if (error == SHM_ARENA_NO_MEMORY || (error == SHM_ARENA_NO_SPACE && want.backed))
            return error;
        want.backed |= error == SHM_ARENA_NO_SPACE;
    }
    return SHM_ARENA_BUSY;
}

/* Gives up a slot that was full when last read. */
static void leave_slot(struct shm_arena *a, unsigned me, unsigned class, uint64_t slot) {
    atomic_store_explicit(&a->smalls[slot].freed, 0, memory_order_relaxed);
    if (slot_change(a, slot, slot_word(SLOT_SMALL, class, me, 0),
                    slot_word(SLOT_SMALL, class, 0, 0)) &&
        small_has_free(a, slot, class))
        count_free(a, slot, class);
}

/* Takes a block of a slot: its index, the capacity if the slot is full, or -1 if it has changed its
 * class. */
static int take_block(struct shm_arena *a, unsigned me, unsigned class, uint64_t slot,
                      unsigned from) {
    _Atomic uint16_t *blocks = slot_blocks(a, slot, class);
    unsigned capacity = size_classes[class].capacity, i = from < capacity ? from : 0;
    while ((i = find_free(blocks, capacity, i)) < capacity) {
        if (!block_change(&blocks[i], BLOCK_FREE, me | BLOCK_PENDING))
            continue;
        uint64_t word = atomic_load(slot_state(a, slot));
        if (__builtin_expect(word_is_open(word) && word_class(word) == class, 1)) {
            atomic_store_explicit(&blocks[i], (uint16_t)me, memory_order_release);
            CRASH_POINT();
            return (int)i;
        }
        block_change(&blocks[i], me | BLOCK_PENDING, BLOCK_FREE);
        return -1;
    }
    return (int)capacity;
}

/* A slot of the class to allocate from. */
static int get_slot(struct shm_arena *a, unsigned me, unsigned class, bool backed, uint64_t *slot) {
    return adopt_slot(a, me, class, slot) ? SHM_ARENA_OK : open_slot(a, me, class, backed, slot);
}

static uint64_t hint_word(uint64_t slot, unsigned next) {
    return (slot + 1) << 32 | next;
}

int small_alloc(struct shm_arena *a, unsigned class, uint64_t *offset) {
    unsigned me = arena_me(a), capacity = size_classes[class].capacity;
    _Atomic uint64_t *current = &a->lanes[lane_index()].current[class];
    for (uint64_t tries = 0; tries < 64 + a->geometry.slot_count; tries++) {
        uint64_t hint = atomic_load_explicit(current, memory_order_relaxed),
                 slot = (hint >> 32) - 1;
        if (!(hint >> 32)) {
            int error = get_slot(a, me, class, false, &slot);
            if (error)
                return error;
            hint = hint_word(slot, 0);
        }
        int won = take_block(a, me, class, slot, (uint32_t)hint);
        if (__builtin_expect(won >= 0 && won < (int)capacity, 1)) {
            atomic_store_explicit(current, hint_word(slot, (unsigned)won + 1),
                                  memory_order_relaxed);
            *offset = slot_offset(a, slot) + (uint64_t)won * size_classes[class].bytes;
            return SHM_ARENA_OK;
        }
        atomic_store_explicit(current, 0, memory_order_relaxed);
        if (won >= 0)
            leave_slot(a, me, class, slot);
    }
    return SHM_ARENA_BUSY;
}

int small_alloc_backed(struct shm_arena *a, unsigned class, uint64_t *offset) {
    uint64_t slot;
    int error = get_slot(a, arena_me(a), class, true, &slot);
    if (error)
        return error;
    atomic_store_explicit(&a->lanes[lane_index()].current[class], hint_word(slot, 0),
                          memory_order_relaxed);
    return small_alloc(a, class, offset);
}

int small_free(struct shm_arena *a, uint64_t slot, uint64_t word, uint64_t offset) {
    unsigned class = word_class(word);
    _Atomic uint16_t *block = small_block(a, slot, class, offset);
    if (!block)
        return SHM_ARENA_NOT_A_BLOCK;
    uint16_t state = atomic_load_explicit(block, memory_order_relaxed);
    do {
        if (!block_is_allocated(state))
            return SHM_ARENA_NOT_A_BLOCK;
        CRASH_POINT();
    } while (!atomic_compare_exchange_weak(block, &state, BLOCK_FREE));
    CRASH_POINT();
    word = atomic_load(slot_state(a, slot));
    _Atomic uint64_t *current = &a->lanes[lane_index()].current[class];
    uint64_t hint = atomic_load_explicit(current, memory_order_relaxed);
    if ((hint >> 32) - 1 ==
        slot) /* this thread's own slot: reuse the block next, while it is in the cache */
        atomic_store_explicit(current,
                              hint_word(slot, (unsigned)(block - slot_blocks(a, slot, class))),
                              memory_order_relaxed);
    else if (word == slot_word(SLOT_SMALL, class, 0, 0))
        count_free(a, slot, class);
    return SHM_ARENA_OK;
}
