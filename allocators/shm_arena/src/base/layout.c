#include "base/layout.h"

#include "shm_arena.h"

#include <string.h>

/* Flags of the pool; the others are of one process's handle. */
enum {
    KEPT_FLAGS = SHM_ARENA_FIXED_ADDRESS | SHM_ARENA_RECLAIM_BLOCKS | SHM_ARENA_OVERCOMMIT,
};

static uint64_t round_up(uint64_t value, uint64_t step) {
    return (value + step - 1) / step * step;
}

struct geometry geometry_of(uint64_t slot_count, uint32_t max_processes) {
    struct geometry g = {.slot_count = slot_count, .max_processes = max_processes};
    g.groups = round_up(slot_count, GROUP_SLOTS) / GROUP_SLOTS;
    g.processes = 2 * PAGE_BYTES;
    g.lanes = round_up(g.processes + max_processes * sizeof(struct process), PAGE_BYTES);
    g.states = g.lanes + max_processes * sizeof(struct process_lanes);
    g.smalls = g.states + g.groups * PAGE_BYTES;
    g.maps = round_up(g.smalls + slot_count * sizeof(struct small_slot), PAGE_BYTES);
    g.side = round_up(g.maps + g.groups * MAPS * LINE_BYTES, PAGE_BYTES);
    g.data = round_up(g.side + slot_count * SIDE_BLOCKS * sizeof(uint16_t), DATA_ALIGNMENT);
    g.total = g.data + slot_count * SLOT_BYTES;
    return g;
}

uint64_t header_checksum(const struct header *header) {
    const uint8_t *byte = (const uint8_t *)header;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < offsetof(struct header, checksum); i++)
        hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    return hash;
}

void header_write(struct header *header, const struct geometry *geometry, uint64_t alignment,
                  unsigned flags) {
    *header = (struct header){
        .magic = LAYOUT_MAGIC,
        .version = LAYOUT_VERSION,
        .header_bytes = sizeof *header,
        .total_bytes = geometry->total,
        .data_offset = geometry->data,
        .slot_count = geometry->slot_count,
        .slot_bytes = SLOT_BYTES,
        .max_processes = geometry->max_processes,
        .classes = CLASS_COUNT,
        .lanes = LANES,
        .alignment = alignment,
        .flags = flags & KEPT_FLAGS,
    };
}

/* Whether the pool has the constants of this build of the library. */
static bool same_build(const struct header *h) {
    return h->header_bytes == sizeof *h && h->slot_bytes == SLOT_BYTES &&
           h->classes == CLASS_COUNT && h->lanes == LANES;
}

static bool is_sensible(const struct header *h) {
    if (!h->slot_count || h->slot_count > MAX_POOL_BYTES / SLOT_BYTES)
        return false;
    if (!h->max_processes || h->max_processes > MAX_PROCESSES)
        return false;
    if (!h->alignment || h->alignment & (h->alignment - 1) || h->alignment > DATA_ALIGNMENT)
        return false;
    if (h->fixed_base % DATA_ALIGNMENT || h->fixed_base > (UINT64_C(1) << 47) - 2 * MAX_POOL_BYTES)
        return false;
    if (h->flags & ~(uint32_t)KEPT_FLAGS ||
        (h->huge_shift && (h->huge_shift < 16 || h->huge_shift > 34)))
        return false;
    struct geometry g = geometry_of(h->slot_count, h->max_processes);
    return h->total_bytes == g.total && h->data_offset == g.data && h->id;
}

int header_check(const struct header *header, uint64_t file_bytes) {
    if (header->magic != LAYOUT_MAGIC)
        return SHM_ARENA_NOT_A_POOL;
    if (header->version != LAYOUT_VERSION)
        return SHM_ARENA_VERSION;
    if (header->checksum != header_checksum(header))
        return SHM_ARENA_CHECKSUM;
    if (!same_build(header))
        return SHM_ARENA_VERSION;
    if (!is_sensible(header))
        return SHM_ARENA_LAYOUT;
    return file_bytes < header->total_bytes ? SHM_ARENA_TRUNCATED : SHM_ARENA_OK;
}
