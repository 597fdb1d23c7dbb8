#include "shm_arena.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Options from environment variables; docs/shm-arena.md describes them. The transport example reads
 * SHM_ARENA_DISABLE. Privileged programs (AT_SECURE) ignore all of them: see secure_getenv(3). A
 * reader stores a valid value, and returns whether it was valid. */

static bool read_bytes(const char *text, size_t *value) {
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (end == text || *text == '-' || errno)
        return false;
    static const char units[] = "kmgt";
    const char *unit = *end ? strchr(units, tolower((unsigned char)*end)) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    end += unit != NULL;
    if (*end && strcasecmp(end, "b") && strcasecmp(end, "ib"))
        return false;
    *value = (size_t)number << shift;
    return *value >> shift == number;
}

static bool read_switch(const char *text, bool *on) {
    *on = !strcmp(text, "1") || !strcasecmp(text, "true") || !strcasecmp(text, "yes") ||
          !strcasecmp(text, "on");
    return *on || !*text || !strcmp(text, "0") || !strcasecmp(text, "false") ||
           !strcasecmp(text, "no") || !strcasecmp(text, "off");
}

static bool read_flag(const char *text, unsigned *flags, unsigned flag) {
    bool on;
    if (!read_switch(text, &on))
        return false;
    *flags = on ? *flags | flag : *flags & ~flag;
    return true;
}

static bool read_huge(const char *text, enum shm_arena_huge *huge) {
    bool on;
    if (!strcasecmp(text, "require"))
        *huge = SHM_ARENA_HUGE_REQUIRE;
    else if (!strcasecmp(text, "try"))
        *huge = SHM_ARENA_HUGE_TRY;
    else if (read_switch(text, &on))
        *huge = on ? SHM_ARENA_HUGE_TRY : SHM_ARENA_HUGE_NEVER;
    else
        return false;
    return true;
}

static bool read_backend(const char *text, enum shm_arena_backend *backend) {
    static const char *const names[] = {"memfd", "shm", "file"};
    for (unsigned i = 0; i < 3; i++)
        if (!strcasecmp(text, names[i])) {
            *backend = (enum shm_arena_backend)i;
            return true;
        }
    return false;
}

static bool read_number(const char *text, int base, long least, long most, long *value) {
    char *end;
    errno = 0;
    *value = strtol(text, &end, base);
    return end != text && !*end && !errno && *value >= least && *value <= most;
}

static bool read_node(const char *text, int *node) {
    long value;
    bool good = read_number(text, 10, -1, 1023, &value);
    if (good)
        *node = (int)value;
    return good;
}

static bool read_unsigned(const char *text, int base, long most, unsigned *result) {
    long value;
    bool good = read_number(text, base, 1, most, &value);
    if (good)
        *result = (unsigned)value;
    return good;
}

static bool read_name(const char *text, const char **name) {
    *name = text;
    return *text != 0;
}

#define VARIABLES(X)                                                                               \
    X("SHM_ARENA_POOL_SIZE", read_bytes(text, &o->size) && o->size)                                \
    X("SHM_ARENA_ALIGNMENT",                                                                       \
      read_bytes(text, &o->alignment) && !(o->alignment & (o->alignment - 1)))                     \
    X("SHM_ARENA_NAME", read_name(text, &o->name))                                                 \
    X("SHM_ARENA_BACKEND", read_backend(text, &o->backend))                                        \
    X("SHM_ARENA_USE_HUGEPAGE", read_huge(text, &o->huge))                                         \
    X("SHM_ARENA_HUGEPAGE_SIZE",                                                                   \
      read_bytes(text, &o->huge_page_size) && !(o->huge_page_size & (o->huge_page_size - 1)))      \
    X("SHM_ARENA_PREFAULT", read_flag(text, &o->flags, SHM_ARENA_PREFAULT))                        \
    X("SHM_ARENA_FIXED_ADDRESS", read_flag(text, &o->flags, SHM_ARENA_FIXED_ADDRESS))              \
    X("SHM_ARENA_RECLAIM_BLOCKS", read_flag(text, &o->flags, SHM_ARENA_RECLAIM_BLOCKS))            \
    X("SHM_ARENA_OVERCOMMIT", read_flag(text, &o->flags, SHM_ARENA_OVERCOMMIT))                    \
    X("SHM_ARENA_NUMA_NODE", read_node(text, &o->numa_node))                                       \
    X("SHM_ARENA_MODE", read_unsigned(text, 8, 0777, &o->mode))                                    \
    X("SHM_ARENA_MAX_PROCESSES", read_unsigned(text, 10, 1024, &o->max_processes))

int shm_arena_options_from_environment(struct shm_arena_options *options, const char **culprit) {
    struct shm_arena_options copy = *options, *o = &copy;
    const char *text;
#define READ(variable, read)                                                                       \
    if ((text = secure_getenv(variable)) != NULL && !(read)) {                                     \
        if (culprit)                                                                               \
            *culprit = variable;                                                                   \
        return SHM_ARENA_INVALID;                                                                  \
    }
    VARIABLES(READ)
#undef READ
    *options = copy;
    return SHM_ARENA_OK;
}
