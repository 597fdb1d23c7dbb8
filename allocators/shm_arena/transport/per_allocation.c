#include "transport.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* The backend without shm_arena: a shared memory object per buffer. A key is the number in the
 * object's name. */

struct segment {
    uint64_t key, size;
    char *address;
};

struct segments {
    uint64_t secret; /* in all names of a pair of processes, so that others cannot guess them */
    uint64_t next_key;
    struct segment *open; /* in the order of opening */
    size_t count, room;
};

static void name_of(const struct segments *s, uint64_t key, char name[64]) {
    snprintf(name, 64, "/shm-segment-%016lx-%lu", s->secret, key);
}

/* Opens or creates the object of a key and maps it. */
static int map_object(const struct segments *s, uint64_t key, int create, uint64_t *size,
                      char **address) {
    char name[64];
    struct stat status;
    name_of(s, key, name);
    int fd = shm_open(name, O_RDWR | O_CLOEXEC | (create ? O_CREAT | O_EXCL : 0), 0600);
    if (fd < 0)
        return -errno;
    int failed = create ? ftruncate(fd, (off_t)*size) : fstat(fd, &status);
    if (!failed && !create)
        *size = (uint64_t)status.st_size;
    void *mapped =
        failed ? MAP_FAILED : mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int error = mapped == MAP_FAILED ? -errno : 0;
    *address = mapped;
    close(fd);
    if (error && create)
        shm_unlink(name);
    return error;
}

static int remember(struct segments *s, struct segment segment) {
    if (s->count == s->room) {
        size_t room = s->room ? 2 * s->room : 64;
        struct segment *more = realloc(s->open, room * sizeof *more);
        if (!more)
            return -ENOMEM;
        s->open = more;
        s->room = room;
    }
    s->open[s->count++] = segment;
    return 0;
}

static int open_segments(struct transport *t, int is_target, int socket, size_t pool_bytes) {
    (void)pool_bytes;
    struct segments *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    t->state = s;
    if (!is_target)
        return transport_receive(socket, &s->secret, sizeof s->secret);
    if (getrandom(&s->secret, sizeof s->secret, 0) != sizeof s->secret)
        return -EIO;
    return transport_send(socket, &s->secret, sizeof s->secret);
}

static int allocate(struct transport *t, size_t size, struct transport_buffer *buffer) {
    struct segments *s = t->state;
    struct segment segment = {.key = ++s->next_key, .size = size};
    int error = map_object(s, segment.key, 1, &segment.size, &segment.address);
    if (error || (error = remember(s, segment)))
        return error;
    *buffer = (struct transport_buffer){segment.address, segment.key, size};
    return 0;
}

static struct segment *find(struct segments *s, uint64_t key) {
    for (size_t i = 0; i < s->count; i++)
        if (s->open[i].key == key)
            return &s->open[i];
    return NULL;
}

static int release(struct transport *t, const struct transport_buffer *buffer) {
    struct segments *s = t->state;
    struct segment *segment = find(s, buffer->key);
    char name[64];
    if (!segment)
        return -ENOENT;
    name_of(s, buffer->key, name);
    munmap(segment->address, segment->size);
    *segment = s->open[--s->count];
    return shm_unlink(name) ? -errno : 0;
}

static void *translate(struct transport *t, uint64_t key, uint64_t offset, uint64_t length) {
    struct segments *s = t->state;
    struct segment *segment = find(s, key);
    if (!segment) {
        struct segment new = {.key = key};
        if (map_object(s, key, 0, &new.size, &new.address) || remember(s, new))
            return NULL;
        segment = &s->open[s->count - 1];
    }
    return offset <= segment->size && length <= segment->size - offset ? segment->address + offset
                                                                       : NULL;
}

static void close_segments(struct transport *t) {
    struct segments *s = t->state;
    for (size_t i = 0; s && i < s->count; i++)
        munmap(s->open[i].address, s->open[i].size);
    if (s)
        free(s->open);
    free(s);
}

const struct transport_backend transport_per_allocation = {
    "per-allocation", open_segments, allocate, release, translate, close_segments};
