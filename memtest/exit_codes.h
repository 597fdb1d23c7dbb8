/* How memtest ends; 0 means that the record is complete. */
#pragma once

enum {
    EXIT_USAGE = 2, /* wrong usage, or the machine lacks what memtest itself needs */
    EXIT_NULL = 3,  /* the allocator returned NULL */
    EXIT_FAULT = 4  /* the allocator is wrong: overlap, lost content, misalignment, dirty calloc */
};
