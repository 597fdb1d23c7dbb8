/* A program with a malloc of its own, as some are linked with an allocator statically. */
#include <stddef.h>
#include <stdlib.h>

static char memory[1 << 20];
static size_t used;

void *malloc(size_t size) {
    used = (used + 15) / 16 * 16;
    void *block = memory + used;
    used += size;
    return used <= sizeof memory ? block : NULL;
}

void free(void *address) {
    (void)address;
}

int main(void) {
    char *volatile block = malloc(333);
    return block == NULL;
}
