/* Each block is a shared memory object of its own. */
#include "contender.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic uint64_t serial;
static int owner; /* the pid that all names contain */

static bool open_nothing(size_t pool_bytes) {
    (void)pool_bytes;
    owner = getpid();
    return true;
}

static void name_of(uint64_t key, char name[64]) {
    snprintf(name, 64, "/shm-bench-%d-%lx", owner, key);
}

static bool allocate(size_t size, struct shared_block *block) {
    char name[64];
    block->key = (uint64_t)getpid() << 40 | ++serial;
    name_of(block->key, name);
    int fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
    if (fd < 0)
        return false;
    block->address = MAP_FAILED;
    if (!ftruncate(fd, (off_t)size))
        block->address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (block->address == MAP_FAILED)
        shm_unlink(name);
    return block->address != MAP_FAILED;
}

static void release(const struct shared_block *block, size_t size) {
    char name[64];
    name_of(block->key, name);
    munmap(block->address, size);
    shm_unlink(name);
}

static void close_nothing(void) {}

static struct contender per_allocation = {"per_allocation", 0,   open_nothing, allocate, release,
                                          close_nothing,    NULL};
REGISTER_CONTENDER(per_allocation);
