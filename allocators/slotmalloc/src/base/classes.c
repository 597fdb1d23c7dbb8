#include "base/classes.h"
#include "base/tuning.h"

struct class_info classes[CLASS_COUNT];
uint8_t class_table[CLASS_MAX_BYTES / GRANULE + 1];

/* Bytes between a class of this size and the next larger one. */
static uint32_t step_above(uint32_t size) {
    if (size < 256)
        return 16;
    uint32_t doubling = 1u << (31 - __builtin_clz(size));
    return size < 1024 ? doubling / 8 : doubling / 4;
}

/* Slots per span: enough for at least 8 blocks (6 of 10 KiB up), with little left over. */
static uint8_t span_of(uint32_t size) {
    switch (size) {
    case 12288:
    case 24576:
        return 3;
    case 20480:
    case 28672:
    case 32768:
        return 4;
    default:
        return size <= SMALL_MAX_BYTES ? 1 : 2;
    }
}

static void fill_class(struct class_info *info, uint32_t size) {
    info->size = size;
    info->reciprocal = (uint32_t)(UINT32_MAX / size) + 1;
    info->span = span_of(size);
    info->capacity = (uint32_t)(info->span * SLOT_SIZE / size);
    uint32_t wake = info->capacity / WAKE_SHARE;
    info->wake = (uint8_t)(wake > WAKE_MAX ? WAKE_MAX : wake ? wake : 1);
    uint32_t magazine = MAGAZINE_BYTES / size;
    magazine = magazine < MAGAZINE_MAX ? magazine : MAGAZINE_MAX;
    info->magazine = (uint8_t)(magazine > MAGAZINE_MIN ? magazine : MAGAZINE_MIN);
}

static uint32_t coarse_size(uint32_t size) {
    uint32_t coarse = COARSE_MIN;
    while (coarse < size)
        coarse *= 2;
    return coarse <= COARSE_MAX ? coarse : size;
}

void classes_init(void) {
    uint32_t size = GRANULE, granule = 0;
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        fill_class(&classes[c], size);
        for (; granule * GRANULE <= size; granule++)
            class_table[granule] = (uint8_t)c;
        size += step_above(size + 1);
    }
    for (unsigned c = 0; c < CLASS_COUNT; c++)
        classes[c].coarse = (uint8_t)class_of(coarse_size(classes[c].size));
}

unsigned class_of_aligned(size_t bytes, size_t align) {
    size_t rounded = (bytes + align - 1) & ~(align - 1);
    if (bytes > CLASS_MAX_BYTES || rounded > CLASS_MAX_BYTES)
        return CLASS_COUNT;
    unsigned c = class_of(rounded);
    while (c < CLASS_COUNT && classes[c].size % align != 0)
        c++;
    return c;
}
