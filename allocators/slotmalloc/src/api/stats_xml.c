/* The totals in the form of glibc's malloc_info: version 1, one heap, which holds everything. */
#include "api/stats.h"
#include "base/classes.h"
#include "base/text.h"

/* NAME="VALUE" with a space before. */
static void attribute(struct text *text, const char *name, uint64_t value) {
    text_add(text, " ");
    text_add(text, name);
    text_add(text, "=\"");
    text_add_number(text, value);
    text_add(text, "\"");
}

static void add_size(struct text *text, const char *element, const char *type, uint64_t size) {
    text_add(text, "<");
    text_add(text, element);
    text_add(text, " type=\"");
    text_add(text, type);
    text_add(text, "\"");
    attribute(text, "size", size);
    text_add(text, "/>\n");
}

static void add_total(struct text *text, const char *type, uint64_t count, uint64_t size) {
    text_add(text, "<total type=\"");
    text_add(text, type);
    text_add(text, "\"");
    attribute(text, "count", count);
    attribute(text, "size", size);
    text_add(text, "/>\n");
}

/* Free blocks by size class; returns how many there are. */
static uint64_t add_classes(struct text *text, const struct stats_totals *totals) {
    uint64_t blocks = 0;
    uint32_t from = 1;
    text_add(text, "<sizes>\n");
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        uint64_t count = totals->free_blocks[class];
        if (count != 0) {
            text_add(text, "  <size");
            attribute(text, "from", from);
            attribute(text, "to", classes[class].size);
            attribute(text, "total", count * classes[class].size);
            attribute(text, "count", count);
            text_add(text, "/>\n");
        }
        blocks += count;
        from = classes[class].size + 1;
    }
    text_add(text, "</sizes>\n");
    return blocks;
}

/* Nothing is mapped beside the arena, and no block is "fast" in glibc's sense: both are 0. */
static void add_totals(struct text *text, const struct stats_totals *totals, uint64_t blocks,
                       bool whole) {
    uint64_t held = totals->used + totals->retained;
    add_total(text, "fast", 0, 0);
    add_total(text, "rest", blocks, held > totals->live ? held - totals->live : 0);
    if (whole)
        add_total(text, "mmap", 0, 0);
    add_size(text, "system", "current", held);
    add_size(text, "system", "max", totals->held_peak > held ? totals->held_peak : held);
    add_size(text, "aspace", "total", totals->extent);
    add_size(text, "aspace", "mprotect", totals->extent);
}

size_t stats_xml(char *buffer, size_t size) {
    struct stats_totals totals;
    struct text text = text_in(buffer, size);
    stats_totals_get(&totals);
    text_add(&text, "<malloc version=\"1\">\n<heap nr=\"0\">\n");
    uint64_t blocks = add_classes(&text, &totals);
    add_totals(&text, &totals, blocks, false);
    text_add(&text, "</heap>\n");
    add_totals(&text, &totals, blocks, true);
    text_add(&text, "</malloc>\n");
    return (size_t)(text.at - buffer);
}
