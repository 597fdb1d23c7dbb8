#include "base/back.h"
#include "base/map.h"
#include "base/mapping.h"
#include "process/handles.h"
#include "process/presence.h"
#include "process/process.h"
#include "recovery/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

/* Creating pools, attaching to them, detaching and destroying. */

static uint64_t page_length(const struct header *h) {
    return h->huge_shift ? UINT64_C(1) << h->huge_shift : PAGE_BYTES;
}

static uint64_t map_length(const struct header *h) {
    uint64_t page = page_length(h);
    return (h->total_bytes + page - 1) / page * page;
}

/* Makes a handle for a mapped pool whose header was checked. It owns fd from now on. */
static struct shm_arena *handle_make(const struct header *h, unsigned char *base, int fd) {
    struct shm_arena *a = aligned_alloc(LINE_BYTES, sizeof *a);
    if (!a)
        return NULL;
    memset(a, 0, sizeof *a);
    if (file_identify(fd, &a->file)) {
        free(a);
        return NULL;
    }
    a->geometry = geometry_of(h->slot_count, h->max_processes);
    a->view = (struct shm_arena_view){base, a->geometry.data,
                                      a->geometry.data + h->slot_count * SLOT_BYTES, h->id};
    a->pool = (struct pool *)(base + PAGE_BYTES);
    a->processes = (struct process *)(base + a->geometry.processes);
    a->lanes_of = (struct process_lanes *)(base + a->geometry.lanes);
    a->states = (_Atomic uint64_t *)(base + a->geometry.states);
    a->smalls = (struct small_slot *)(base + a->geometry.smalls);
    a->maps = (_Atomic uint64_t *)(base + a->geometry.maps);
    a->side = (_Atomic uint16_t *)(base + a->geometry.side);
    a->alignment = h->alignment;
    a->flags = h->flags;
    a->map_bytes = map_length(h);
    a->page_bytes = page_length(h);
    a->huge = h->huge_shift ? HUGE_TLB : HUGE_NONE;
    a->fd = fd;
    return a;
}

static void handle_drop(struct shm_arena *a) {
    int error = errno;
    presence_drop(a);
    munmap(a->view.base, a->map_bytes);
    if (file_is_same(a->fd, &a->file))
        close(a->fd);
    free(a->name);
    free(a);
    errno = error;
}

/* ---- create ---- */

static bool options_are_valid(const struct shm_arena_options *o) {
    if (!o->size || o->size > MAX_POOL_BYTES || o->alignment > DATA_ALIGNMENT ||
        (o->alignment & (o->alignment - 1)))
        return false;
    if (o->huge_page_size & (o->huge_page_size - 1) || o->mode & ~0777u)
        return false;
    return o->max_processes && o->max_processes <= MAX_PROCESSES &&
           (unsigned)o->backend <= SHM_ARENA_FILE && (unsigned)o->huge <= SHM_ARENA_HUGE_REQUIRE &&
           o->numa_node >= -1;
}

/* log2 of the system's default huge page size, from /proc/meminfo; 0 if it has none. */
static unsigned default_huge_shift(void) {
    FILE *file = fopen("/proc/meminfo", "re");
    char line[128];
    unsigned long kib = 0;
    while (file && !kib && fgets(line, sizeof line, file))
        if (sscanf(line, "Hugepagesize: %lu kB", &kib) != 1)
            kib = 0;
    if (file)
        fclose(file);
    return kib ? (unsigned)__builtin_ctzl(kib << 10) : 0;
}

static void header_for(struct header *h, const struct shm_arena_options *o) {
    uint64_t step = o->huge ? DATA_ALIGNMENT : SLOT_BYTES;
    struct geometry g =
        geometry_of((o->size + step - 1) / step * step / SLOT_BYTES, o->max_processes);
    header_write(h, &g, o->alignment > 64 ? o->alignment : 64, o->flags);
    if (o->flags & SHM_ARENA_FIXED_ADDRESS)
        h->fixed_base = mapping_choose_base();
    while (!h->id)
        if (getrandom(&h->id, sizeof h->id, 0) != sizeof h->id)
            h->id = (uint64_t)(uintptr_t)h ^ (uint64_t)getpid() << 32;
}

/* Creates and maps a file for the header. */
static int create_mapped(const struct shm_arena_options *o, struct header *h,
                         struct shm_arena **arena) {
    int fd;
    unsigned char *base;
    int error = file_create(o, map_length(h), h->huge_shift, &fd);
    if (error)
        return error;
    error = mapping_create(map_length(h), fd, h->fixed_base, &base);
    if (!error && !(*arena = handle_make(h, base, fd))) {
        munmap(base, map_length(h));
        error = SHM_ARENA_SYSTEM;
    }
    if (error)
        close(fd);
    return error;
}

/* Uses hugetlb pages if the options want them and the system has them, or else what they allow. */
static int create_with_pages(const struct shm_arena_options *o, struct header *h,
                             struct shm_arena **arena) {
    if (o->huge && o->backend == SHM_ARENA_MEMFD) {
        h->huge_shift =
            o->huge_page_size ? (unsigned)__builtin_ctzl(o->huge_page_size) : default_huge_shift();
        if (h->huge_shift && !create_mapped(o, h, arena))
            return SHM_ARENA_OK;
        h->huge_shift = 0;
    }
    int error = create_mapped(o, h, arena);
    if (error || !o->huge)
        return error;
    struct shm_arena *a = *arena;
    a->huge = mapping_advise_huge(a->view.base + a->view.first, a->view.end - a->view.first);
    if (a->huge || o->huge != SHM_ARENA_HUGE_REQUIRE)
        return SHM_ARENA_OK;
    handle_drop(a);
    return SHM_ARENA_NO_HUGE_PAGES;
}

/* Backs all memory of a new pool, and marks every slot as backed. */
static int prefault_new(struct shm_arena *a) {
    int error = back_all(a);
    if (error)
        return error;
    map_set_range(a, DATA_BACKED_MAP, 0, a->geometry.slot_count);
    map_set_range(a, SIDE_BACKED_MAP, 0, a->geometry.slot_count);
    return back_metadata(a, a->geometry.slot_count);
}

/* Prepares a mapped file to be a pool, and publishes it under its name. */
static int pool_prepare(struct shm_arena *a, const struct shm_arena_options *o, struct header *h) {
    int error = SHM_ARENA_OK;
    if (o->numa_node >= 0)
        error =
            mapping_bind(a->view.base + a->view.first, a->view.end - a->view.first, o->numa_node);
    if (!error)
        error =
            o->flags & SHM_ARENA_PREFAULT ? prefault_new(a) : back_range(a, 0, a->geometry.lanes);
    if (error)
        return error;
    h->checksum = header_checksum(h);
    memcpy(a->view.base, h, sizeof *h);
    a->backend = o->backend;
    if (!process_join(a))
        return join_refusal(a);
    return file_publish(a->fd, o->backend, o->name, &a->name);
}

/* While a pool is created or attached to, every refusal of the system has one code, and errno. */
static int system_refusal(int error) {
    return error == SHM_ARENA_NO_SPACE ? SHM_ARENA_SYSTEM : error;
}

int shm_arena_create(const struct shm_arena_options *options, struct shm_arena **arena) {
    struct header header;
    struct shm_arena *a;
    if (!options || !arena || !options_are_valid(options))
        return SHM_ARENA_INVALID;
    header_for(&header, options);
    int error = create_with_pages(options, &header, &a);
    for (int tries = 0; error == SHM_ARENA_ADDRESS_TAKEN && tries < 16; tries++) {
        header.fixed_base = mapping_choose_base();
        error = create_with_pages(options, &header, &a);
    }
    if (error)
        return error;
    error = pool_prepare(a, options, &header);
    if (error) {
        handle_drop(a);
        return system_refusal(error);
    }
    handles_add(a);
    *arena = a;
    return SHM_ARENA_OK;
}

/* ---- attach ---- */

/* Seals a memfd, so that no process can truncate it while it is mapped here. Other files are
 * protected by their permission bits. */
static void seal(int fd) {
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals >= 0 && !(seals & (F_SEAL_SHRINK | F_SEAL_SEAL)))
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}

/* Checks the file and maps it; on success the handle owns fd. */
static int attach_mapped(int fd, unsigned flags, struct shm_arena **arena) {
    struct header h;
    uint64_t bytes;
    unsigned char *base;
    int error = file_check(fd, flags, &bytes);
    if (error)
        return error;
    seal(fd);
    ssize_t got = pread(fd, &h, sizeof h, 0);
    if (got != (ssize_t)sizeof h)
        return got < 0                               ? SHM_ARENA_SYSTEM
               : got >= 8 && h.magic == LAYOUT_MAGIC ? SHM_ARENA_TRUNCATED
                                                     : SHM_ARENA_NOT_A_POOL;
    error = header_check(&h, bytes);
    if (!error)
        error = mapping_create(map_length(&h), fd, h.fixed_base, &base);
    if (error)
        return error;
    *arena = handle_make(&h, base, fd);
    if (*arena)
        return SHM_ARENA_OK;
    munmap(base, map_length(&h));
    return SHM_ARENA_SYSTEM;
}

/* Attaches by a descriptor that this function owns. */
static int attach_owned(int fd, enum shm_arena_backend backend, const char *name, unsigned flags,
                        struct shm_arena **arena) {
    struct shm_arena *a;
    int error = attach_mapped(fd, flags, &a);
    if (error) {
        close(fd);
        return error;
    }
    a->backend = backend;
    a->name = strdup(name);
    error = a->name ? SHM_ARENA_OK : SHM_ARENA_SYSTEM;
    if (!error && flags & SHM_ARENA_PREFAULT)
        error = back_all(a);
    if (!error && !process_attach(a))
        error = join_refusal(a);
    if (error) {
        handle_drop(a);
        return system_refusal(error);
    }
    handles_add(a);
    shm_arena_recover(a);
    *arena = a;
    return SHM_ARENA_OK;
}

int shm_arena_attach(enum shm_arena_backend backend, const char *name, unsigned flags,
                     struct shm_arena **arena) {
    int fd;
    int error = arena ? file_open(backend, name, &fd) : SHM_ARENA_INVALID;
    return error ? error : attach_owned(fd, backend, name, flags, arena);
}

int shm_arena_attach_fd(int fd, unsigned flags, struct shm_arena **arena) {
    int ours = arena ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
    if (ours < 0)
        return arena ? SHM_ARENA_SYSTEM : SHM_ARENA_INVALID;
    return attach_owned(ours, SHM_ARENA_MEMFD, "", flags, arena);
}

/* ---- detach ---- */

void shm_arena_detach(struct shm_arena *a) {
    if (!a)
        return;
    handles_remove(a);
    process_detach(a);
    handle_drop(a);
}

int shm_arena_destroy(struct shm_arena *a) {
    int error =
        a->backend == SHM_ARENA_MEMFD ? SHM_ARENA_OK : file_unlink(a->backend, a->name, &a->file);
    shm_arena_detach(a);
    return error;
}

int shm_arena_unlink(enum shm_arena_backend backend, const char *name) {
    return file_unlink(backend, name, NULL);
}

int shm_arena_fd(const struct shm_arena *a) {
    return a->fd;
}

const char *shm_arena_name(const struct shm_arena *a) {
    return a->name;
}

int shm_arena_huge_pages(const struct shm_arena *a) {
    return a->huge;
}
