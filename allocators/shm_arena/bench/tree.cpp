#include "lookup.h"

#include <map>

static std::map<uintptr_t, segment> tree;

void tree_fill(const segment *segments, unsigned count) {
    tree.clear();
    for (unsigned i = 0; i < count; i++)
        tree.emplace(segments[i].base, segments[i]);
}

uint64_t tree_offset(uintptr_t address) {
    auto after = tree.upper_bound(address);
    if (after == tree.begin())
        return 0;
    const segment &s = (--after)->second;
    return address - s.base < s.size ? s.offset + (address - s.base) : 0;
}
