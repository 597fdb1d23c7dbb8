#include "api/check.h"

#include <string.h>

#include "api/quarantine.h"
#include "api/slow_path.h"
#include "base/bits.h"
#include "base/text.h"
#include "base/tuning.h"

#define CANARY     0xC5
#define JUNK_NEW   0xA5
#define JUNK_FREED 0xDF
#define MARK_LIVE  0x6c6976652d736c6full
#define MARK_FREED 0x66726565642d736cull

/* At the end of every checked block. */
struct trailer {
    uint64_t bytes; /* requested */
    uint64_t mark;  /* MARK_LIVE or MARK_FREED, mixed with the address */
};

static struct trailer *trailer_of(const void *p) {
    return (struct trailer *)((uintptr_t)p + block_usable(p)) - 1;
}

static size_t junk_bytes(size_t bytes) {
    return bytes < JUNK_MAX_BYTES ? bytes : JUNK_MAX_BYTES;
}

static bool all_bytes_are(const unsigned char *from, const unsigned char *to, unsigned char value) {
    while (from < to)
        if (*from++ != value)
            return false;
    return true;
}

enum status check_alloc(const struct request *request, void **out) {
    struct request larger = *request;
    if (request->bytes > PTRDIFF_MAX)
        return NO_MEMORY;
    larger.bytes += sizeof(struct trailer);
    enum status status = block_alloc(&larger, out);
    if (status != OK)
        return status;
    struct trailer *trailer = trailer_of(*out);
    char *end = (char *)*out + request->bytes;
    if (!request->zero)
        memset(*out, JUNK_NEW, junk_bytes(request->bytes));
    memset(end, CANARY, (size_t)((char *)trailer - end));
    *trailer = (struct trailer){request->bytes, MARK_LIVE ^ (uintptr_t)*out};
    return OK;
}

/* The trailer of a live block, undamaged. */
static struct trailer *verified(const void *p) {
    struct trailer *trailer = trailer_of(p);
    if (trailer->mark == (MARK_FREED ^ (uintptr_t)p))
        die("double free of", p);
    const unsigned char *end = (const unsigned char *)p + trailer->bytes;
    bool intact = trailer->mark == (MARK_LIVE ^ (uintptr_t)p) && end <= (unsigned char *)trailer &&
                  all_bytes_are(end, (unsigned char *)trailer, CANARY);
    if (!intact)
        die("written beyond the end of the block", p);
    return trailer;
}

/* Frees a block that leaves the quarantine. */
static void release(void *p) {
    const unsigned char *at = p;
    const struct trailer *trailer = trailer_of(p);
    if (trailer->mark != (MARK_FREED ^ (uintptr_t)p) ||
        !all_bytes_are(at, at + junk_bytes(trailer->bytes), JUNK_FREED))
        die("written after free:", p);
    block_free(p);
}

void check_free(void *p) {
    struct trailer *trailer = verified(p);
    trailer->mark = MARK_FREED ^ (uintptr_t)p;
    memset(p, JUNK_FREED, junk_bytes(trailer->bytes));
    if (trailer->bytes > JUNK_MAX_BYTES) {
        block_free(p);
        return;
    }
    slow_path_enter();
    void *oldest = quarantine_exchange(p);
    slow_path_leave();
    if (oldest != NULL)
        release(oldest);
}

size_t check_usable(const void *p) {
    return verified(p)->bytes;
}

void check_size(const void *p, size_t align, size_t bytes) {
    if (bytes != verified(p)->bytes)
        die("freed with another size than it was asked for:", p);
    if (!is_power_of_two(align) || (uintptr_t)p % align != 0)
        die("freed with an alignment that it does not have:", p);
}

enum status check_realloc(void *p, size_t bytes, void **out) {
    size_t old = check_usable(p);
    struct request request = {bytes, GRANULE, false};
    enum status status = check_alloc(&request, out);
    if (status != OK)
        return status;
    memcpy(*out, p, old < bytes ? old : bytes);
    check_free(p);
    return OK;
}
