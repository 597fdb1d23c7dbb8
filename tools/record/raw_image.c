#define _GNU_SOURCE
#include "raw_image.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Room for one more of `count`, in an array that has room for a power of two of them. */
static void *grow(void *array, size_t count, size_t size) {
    if ((count & (count - 1)) != 0)
        return array;
    return memory_resize(array, count ? 2 * count : 1, size);
}

static void add_process(struct raw_image *image, const void *page) {
    size_t count = image->process_count++;
    image->processes = grow(image->processes, count, sizeof *image->processes);
    image->processes[count] = page;
}

static void add_chunk(struct raw_image *image, const uint64_t *words) {
    size_t count = image->chunk_count++;
    image->chunks = grow(image->chunks, count, sizeof *image->chunks);
    image->chunks[count] = (struct raw_chunk){
        .words = words, .process = words[2], .thread = (uint32_t)(words[0] >> 32)};
}

/* The start of the next page with data at or after `offset`. A piece that was claimed on a full
 * disk is a hole; on tmpfs, even reading it through the mapping would need a page and raise
 * SIGBUS. */
static size_t skip_hole(int fd, size_t offset) {
    off_t data = lseek(fd, (off_t)offset, SEEK_DATA);
    if (data < 0)
        return errno == ENXIO ? SIZE_MAX
                              : offset; /* none follows; or the file system cannot tell */
    return (size_t)data / RAW_CHUNK_MIN * RAW_CHUNK_MIN;
}

/* A process that was killed between claiming a piece and writing its head left zeros. */
static void find_pieces(struct raw_image *image, int fd) {
    size_t offset = RAW_HEAD_BYTES;
    while ((offset = skip_hole(fd, offset)) < image->bytes) {
        if (image->bytes - offset < RAW_CHUNK_MIN)
            return;
        const uint64_t *piece = (const uint64_t *)(image->memory + offset);
        size_t bytes = (uint32_t)piece[0];
        if (bytes % RAW_CHUNK_MIN || bytes > image->bytes - offset)
            return; /* damaged */
        if (bytes && piece[0] >> 32)
            add_chunk(image, piece);
        else if (bytes)
            add_process(image, piece);
        offset += bytes ? bytes : RAW_CHUNK_MIN;
    }
}

static int by_owner(const void *one, const void *other) {
    const struct raw_chunk *a = one, *b = other;
    if (a->process != b->process)
        return a->process < b->process ? -1 : 1;
    if (a->thread != b->thread)
        return a->thread < b->thread ? -1 : 1;
    return (a->words > b->words) - (a->words < b->words);
}

static bool map(struct raw_image *image, int fd) {
    struct raw_head head;
    struct stat status;
    if (fstat(fd, &status) != 0 || pread(fd, &head, sizeof head, 0) != sizeof head ||
        head.magic != RAW_MAGIC)
        return false;
    image->bytes = atomic_load(&head.claimed);
    if (image->bytes > (size_t)status.st_size) /* the claim that found no room */
        image->bytes = (size_t)status.st_size;
    image->memory = mmap(NULL, image->bytes, PROT_READ, MAP_SHARED, fd, 0);
    return image->memory != MAP_FAILED;
}

struct raw_image *raw_image_open(int at, const char *name) {
    struct raw_image *image = memory_allocate(1, sizeof *image);
    errno = 0;
    int fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool is_mapped = fd >= 0 && map(image, fd);
    if (is_mapped)
        find_pieces(image, fd);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (!is_mapped) {
        free(image);
        errno = error;
        return NULL;
    }
    if (image->chunk_count)
        qsort(image->chunks, image->chunk_count, sizeof *image->chunks, by_owner);
    return image;
}

static uint64_t offset_of(const struct raw_image *image, const struct raw_process *process) {
    return (uint64_t)((const char *)process - image->memory);
}

const struct raw_process *raw_image_process(const struct raw_image *image, uint64_t offset) {
    size_t low = 0, high = image->process_count; /* sorted by offset */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t found = offset_of(image, image->processes[middle]);
        if (found == offset)
            return image->processes[middle];
        if (found < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The first chunk of a process at or after `offset`. */
static size_t first_chunk(const struct raw_image *image, uint64_t offset) {
    size_t low = 0, high = image->chunk_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (image->chunks[middle].process < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct raw_chunk *raw_image_chunks(const struct raw_image *image,
                                         const struct raw_process *process, size_t *count) {
    uint64_t offset = offset_of(image, process);
    size_t first = first_chunk(image, offset);
    *count = first_chunk(image, offset + 1) - first;
    return image->chunks + first;
}

void raw_image_close(struct raw_image *image) {
    munmap((void *)(uintptr_t)image->memory, image->bytes);
    free(image->chunks);
    free(image->processes);
    free(image);
}
