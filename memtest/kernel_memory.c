#include "kernel_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int statm = -1, rollup = -1, status = -1, clear_refs = -1;
static int clear_refs_error;
static char content[1 << 13];

void kernel_memory_open(void) {
    statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    rollup = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
    status = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    clear_refs = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    clear_refs_error = clear_refs < 0 ? errno : 0;
}

static bool read_content(int fd) {
    ssize_t length = fd < 0 ? -1 : pread(fd, content, sizeof content - 1, 0);
    content[length > 0 ? length : 0] = '\0';
    return length > 0;
}

static uint64_t number_at(const char *at) {
    uint64_t number = 0;
    while (*at == ' ' || *at == '\t')
        at++;
    for (; *at >= '0' && *at <= '9'; at++)
        number = 10 * number + (uint64_t)(*at - '0');
    return number;
}

/* The value of the line `name:   123 kB` in bytes; 0 where there is no such line. */
static uint64_t size_of(const char *name) {
    const char *at = strstr(content, name);
    return at ? 1024 * number_at(at + strlen(name)) : 0;
}

/* The second number of statm, in pages. */
bool kernel_memory_rss(struct resident *now) {
    const char *second = read_content(statm) ? strchr(content, ' ') : NULL;
    if (!second)
        return false;
    *now = (struct resident){number_at(second) * (uint64_t)sysconf(_SC_PAGESIZE), -1};
    return now->rss_bytes > 0;
}

bool kernel_memory_walk(struct resident *now) {
    if (!read_content(rollup))
        return false;
    *now = (struct resident){size_of("\nRss:"), (int64_t)size_of("\nLazyFree:")};
    return now->rss_bytes > 0;
}

int kernel_memory_reset_mark(void) {
    if (clear_refs < 0)
        return clear_refs_error;
    return write(clear_refs, "5", 1) == 1 ? 0 : errno;
}

uint64_t kernel_memory_mark(void) {
    return read_content(status) ? size_of("\nVmHWM:") : 0;
}
