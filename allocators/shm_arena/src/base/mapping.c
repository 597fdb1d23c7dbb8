#include "base/mapping.h"

#include "base/layout.h"
#include "shm_arena.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

static int map_failure(void) {
    return errno == EEXIST ? SHM_ARENA_ADDRESS_TAKEN : SHM_ARENA_SYSTEM;
}

/* Maps a file at a multiple of DATA_ALIGNMENT: reserves more address space and unmaps the rest. */
static int map_aligned(uint64_t bytes, int fd, unsigned char **base) {
    unsigned char *space = mmap(NULL, bytes + DATA_ALIGNMENT, PROT_NONE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED)
        return SHM_ARENA_SYSTEM;
    size_t before = -(uintptr_t)space & (DATA_ALIGNMENT - 1);
    *base = space + before;
    void *mapped = mmap(*base, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    int error = errno;
    if (mapped == MAP_FAILED) {
        munmap(space, bytes + DATA_ALIGNMENT);
        errno = error;
        return SHM_ARENA_SYSTEM;
    }
    if (before)
        munmap(space, before);
    munmap(*base + bytes, DATA_ALIGNMENT - before);
    return SHM_ARENA_OK;
}

int mapping_create(uint64_t bytes, int fd, uint64_t fixed_base, unsigned char **base) {
    if (!fixed_base)
        return map_aligned(bytes, fd, base);
    void *wanted = (void *)(uintptr_t)fixed_base;
    void *mapped =
        mmap(wanted, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
    if (mapped == MAP_FAILED)
        return map_failure();
    if (mapped != wanted) { /* a kernel before 4.17 takes the address as a hint */
        munmap(mapped, bytes);
        return SHM_ARENA_ADDRESS_TAKEN;
    }
    *base = mapped;
    return SHM_ARENA_OK;
}

/* Random, between 16 and 80 TiB, where programs, heaps and libraries are usually not mapped. */
uint64_t mapping_choose_base(void) {
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        random = 0x5eed;
    return (UINT64_C(16) << 40) + random % (UINT64_C(64) << 40) / DATA_ALIGNMENT * DATA_ALIGNMENT;
}

/* mbind(2) without libnuma. The policy belongs to the file's pages, so it holds for all
 * processes. */
int mapping_bind(unsigned char *data, uint64_t bytes, int node) {
    enum { POLICY_BIND = 2, MASK_WORDS = 16 };
    unsigned long mask[MASK_WORDS] = {0};
    char path[64];
    snprintf(path, sizeof path, "/sys/devices/system/node/node%d", node);
    if (node >= MASK_WORDS * 64 || access(path, F_OK))
        return SHM_ARENA_NO_NODE;
    mask[node / 64] = 1ul << node % 64;
    if (!syscall(SYS_mbind, data, bytes, POLICY_BIND, mask, (unsigned long)MASK_WORDS * 64, 0))
        return SHM_ARENA_OK;
    return errno == ENOSYS && !node
               ? SHM_ARENA_OK
               : SHM_ARENA_SYSTEM; /* a kernel without NUMA support has node 0 only */
}

int mapping_advise_huge(unsigned char *data, uint64_t bytes) {
    char setting[128] = "";
    int fd = open("/sys/kernel/mm/transparent_hugepage/shmem_enabled", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, setting, sizeof setting - 1);
    if (fd >= 0)
        close(fd);
    bool refused = length <= 0 || strstr(setting, "[never]") || strstr(setting, "[deny]");
    return !refused && !madvise(data, bytes, MADV_HUGEPAGE);
}
