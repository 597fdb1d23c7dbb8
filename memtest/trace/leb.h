/* LEB128: seven bits a byte, the lowest first, the top bit set on all bytes but the last. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LEB_MAX_BYTES = 10 };

/* Writes `value` at `out`, which has room for LEB_MAX_BYTES; returns the bytes written. */
static inline size_t leb_write(uint8_t *out, uint64_t value) {
    size_t length = 0;
    while (value >= 0x80) {
        out[length++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[length++] = (uint8_t)value;
    return length;
}

/* Reads a number at *in, which it moves; false when it does not end before `end` or exceeds 63
 * bits. */
static inline bool leb_read(const uint8_t **in, const uint8_t *end, uint64_t *value) {
    *value = 0;
    for (unsigned shift = 0; *in < end && shift < 63; shift += 7) {
        uint8_t byte = *(*in)++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}
