/* The other functions of the C library's malloc: its internal names, and the older forms of
 * statistics and tuning. docs/malloc-symbols.tsv lists all of them. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "api/export.h"
#include "api/stats.h"
#include "slotmalloc.h"

#define XML_BYTES      16384 /* more than all size classes and totals with 20 digits each need */
#define MXFAST_LARGEST (80 * sizeof(size_t) / 4)

/* glibc's struct has ints, and its values wrap; here they saturate.
 */
static int saturated(size_t value) {
    return value < INT_MAX ? (int)value : INT_MAX;
}

EXPORT struct mallinfo slotmalloc_mallinfo(void) {
    struct mallinfo2 now = slotmalloc_mallinfo2();
    return (struct mallinfo){.arena = saturated(now.arena),
                             .uordblks = saturated(now.uordblks),
                             .fordblks = saturated(now.fordblks),
                             .keepcost = saturated(now.keepcost)};
}

/* The parameters tune parts that only glibc's malloc has: arenas, the top of its heap, mapped
 * blocks. */
EXPORT int slotmalloc_mallopt(int parameter, int value) {
    return parameter != M_MXFAST || (value >= 0 && (size_t)value <= MXFAST_LARGEST);
}

EXPORT int slotmalloc_malloc_info(int options, FILE *stream) {
    char text[XML_BYTES];
    if (options != 0)
        return EINVAL;
    (void)fwrite(text, 1, stats_xml(text, sizeof text), stream);
    return 0;
}

EXPORT_ALIAS(mallinfo);
EXPORT_ALIAS(mallopt);
EXPORT_ALIAS(malloc_info);

/* An alias needs its target in the same file, so each of these is a call that becomes a jump. */
#define LIBC_NAME(type, name, parameters, arguments)                                               \
    EXPORT type __libc_##name parameters;                                                          \
    type __libc_##name parameters {                                                                \
        return slotmalloc_##name arguments;                                                        \
    }

LIBC_NAME(void *, malloc, (size_t size), (size))
LIBC_NAME(void *, calloc, (size_t count, size_t size), (count, size))
LIBC_NAME(void *, realloc, (void *p, size_t size), (p, size))
LIBC_NAME(void *, reallocarray, (void *p, size_t count, size_t size), (p, count, size))
LIBC_NAME(void *, memalign, (size_t align, size_t size), (align, size))
LIBC_NAME(void *, valloc, (size_t size), (size))
LIBC_NAME(void *, pvalloc, (size_t size), (size))
LIBC_NAME(struct mallinfo, mallinfo, (void), ())
LIBC_NAME(int, mallopt, (int parameter, int value), (parameter, value))

EXPORT void __libc_free(void *p);
void __libc_free(void *p) {
    slotmalloc_free(p);
}

/* For programs linked before glibc 2.26, which had it in its header. */
EXPORT void cfree(void *p);
void cfree(void *p) {
    slotmalloc_free(p);
}
