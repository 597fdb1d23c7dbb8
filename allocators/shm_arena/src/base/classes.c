#include "base/classes.h"

/* 64 KiB divided by 1024, 512, 341, ... 2, rounded down to 64 bytes: sizes that leave little of a
 * slot unused. */
#define CLASS(size)                                                                                \
    { size, 65536 / (size), (uint32_t)(((UINT64_C(1) << 32) + (size)-1) / (size)) }
const struct size_class size_classes[CLASS_COUNT] = {
    CLASS(64),    CLASS(128),   CLASS(192),   CLASS(256),   CLASS(320),           CLASS(384),
    CLASS(448),   CLASS(512),   CLASS(640),   CLASS(768),   CLASS(896),           CLASS(1024),
    CLASS(1280),  CLASS(1536),  CLASS(1792),  CLASS(2048),  CLASS(2688),          CLASS(3264),
    CLASS(4096),  CLASS(4672),  CLASS(5440),  CLASS(6528),  CLASS(8192),          CLASS(9344),
    CLASS(10880), CLASS(13056), CLASS(16384), CLASS(21824), CLASS(CLASS_LARGEST),
};

/* The class by the size in units of 64 bytes, rounded up. */
static uint8_t class_of_units[CLASS_LARGEST / 64 + 1];

__attribute__((constructor)) static void fill_class_of_units(void) {
    for (unsigned units = 0, class = 0; units <= CLASS_LARGEST / 64; units++) {
        if (units * 64 > size_classes[class].bytes)
            class ++;
        class_of_units[units] = (uint8_t) class;
    }
}

unsigned class_for(size_t size, size_t alignment) {
    if (size > CLASS_LARGEST || alignment > CLASS_LARGEST)
        return CLASS_NONE;
    unsigned class = class_of_units[(size + 63) / 64];
    while (class < CLASS_COUNT && size_classes[class].bytes & (alignment - 1))
        class ++;
    return class < CLASS_COUNT ? class : CLASS_NONE;
}
