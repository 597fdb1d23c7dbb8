#include "memory/growing.h"

#include "base/kernel.h"
#include "base/tuning.h"

size_t growing_ahead = SIZE_MAX;

static size_t whole_pages(size_t bytes) {
    size_t page = kernel_page_size();
    return (bytes + page - 1) & ~(page - 1);
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Bytes to have after a step that needs `need` of them. */
static size_t wish_for(const struct growing *array, size_t need) {
    size_t wish = array->bytes == 0 ? array->first : array->bytes * GROWING_FACTOR;
    if (wish <= need)
        return need;
    return least(whole_pages(need + least(wish - need, growing_ahead / GROWING_AHEAD_SHARE)),
                 array->limit);
}

/* Maps up to `to`. A fork may come between any two of these statements. */
static bool step(struct growing *array, size_t to) {
    size_t have = array->bytes;
    array->claimed = to;
    if (kernel_map((void *)(array->start + have), to - have) == PLACE_DONE)
        array->bytes = to;
    array->claimed = array->bytes; /* more than `have` also when a child has completed it */
    return array->bytes == to;
}

enum status growing_reach(struct growing *array, size_t bytes) {
    size_t need = whole_pages(bytes);
    if (need <= array->bytes)
        return OK;
    if (need > array->limit)
        return NO_MEMORY;
    size_t to = wish_for(array, need);
    while (!step(array, to)) {
        if (to == need)
            return NO_MEMORY;
        to = to - need < array->first ? need : whole_pages(need + (to - need) / 4);
    }
    return OK;
}

void growing_complete(struct growing *array) {
    size_t have = array->bytes;
    if (array->claimed > have &&
        kernel_map_over((void *)(array->start + have), array->claimed - have) == OK)
        array->bytes = array->claimed;
}

void growing_drop(struct growing *array) {
    if (array->bytes > 0)
        (void)kernel_unmap((void *)array->start, array->bytes);
    array->bytes = array->claimed = 0;
}
