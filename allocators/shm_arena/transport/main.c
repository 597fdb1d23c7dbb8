/* shm-transport: an initiator and a target that transfer blocks through shared memory. Prints one
 * JSON line: seconds and bytes per second of writing and of reading. Each transferred byte is
 * checked. */
#include "transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct settings {
    const struct transport_backend *backend;
    const char *listen, *connect;
    unsigned long size, batch, buffers, batches;
};

static void fail(const char *what, int error) {
    fprintf(stderr, "shm-transport: %s: %s\n", what, strerror(-error));
    exit(1);
}

static void check(int error, const char *what) {
    if (error)
        fail(what, error);
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static unsigned char pattern(unsigned long buffer, unsigned salt) {
    return (unsigned char)(buffer * 37 + salt);
}

/* ---- the target: provides the buffers, and checks what was written to them ---- */

static int target(const struct settings *s, int socket) {
    struct transport t;
    char done;
    int bad = 0;
    struct transport_buffer *buffers = calloc(s->buffers, sizeof *buffers);
    check(buffers ? 0 : -ENOMEM, "buffers");
    check(transport_open(&t, s->backend, 1, socket, 2 * s->size * s->buffers + (4 << 20)), "open");
    for (unsigned long i = 0; i < s->buffers; i++)
        check(transport_allocate(&t, s->size, &buffers[i]), "allocate");
    for (unsigned long i = 0; i < s->buffers; i++)
        check(transport_send(socket, &buffers[i].key, sizeof buffers[i].key), "send keys");
    check(transport_receive(socket, &done, 1), "wait for the initiator");
    for (unsigned long i = 0; i < s->buffers; i++)
        for (unsigned long at = 0; at < s->size; at++)
            bad |= ((unsigned char *)buffers[i].address)[at] != pattern(i, 1);
    for (unsigned long i = 0; i < s->buffers; i++)
        check(transport_release(&t, &buffers[i]), "release");
    transport_close(&t);
    free(buffers);
    if (bad)
        fprintf(stderr, "shm-transport: the target found wrong bytes\n");
    return bad;
}

/* ---- the initiator ---- */

static double run_batches(struct transport *t, const struct settings *s,
                          struct transport_request *requests, const uint64_t *keys,
                          enum transport_op op, unsigned char *local) {
    double start = seconds();
    for (unsigned long b = 0, next = 0; b < s->batches; b++) {
        for (unsigned long i = 0; i < s->batch; i++, next = next + 1 < s->buffers ? next + 1 : 0)
            requests[i] =
                (struct transport_request){op, local + next * s->size, keys[next], 0, s->size};
        check(transport_transfer(t, requests, (unsigned)s->batch), "transfer");
    }
    return seconds() - start;
}

static int check_local(const struct settings *s, const unsigned char *local) {
    unsigned long visited = s->batches * s->batch < s->buffers ? s->batches * s->batch : s->buffers;
    for (unsigned long at = 0; at < visited * s->size; at++)
        if (local[at] != pattern(at / s->size, 1)) {
            fprintf(stderr, "shm-transport: the initiator read wrong bytes\n");
            return 1;
        }
    return 0;
}

static int initiator(const struct settings *s, int socket) {
    struct transport t;
    uint64_t *keys = calloc(s->buffers, sizeof *keys);
    unsigned char *local = malloc(s->size * s->buffers);
    struct transport_request *requests = calloc(s->batch, sizeof *requests);
    check(keys && local && requests ? 0 : -ENOMEM, "buffers");
    check(transport_open(&t, s->backend, 0, socket, 0), "open");
    check(transport_receive(socket, keys, s->buffers * sizeof *keys), "receive keys");
    for (unsigned long i = 0; i < s->buffers; i++)
        memset(local + i * s->size, pattern(i, 1), s->size);
    struct transport_request whole = {TRANSPORT_WRITE, NULL, 0, 0, s->size};
    for (unsigned long i = 0; i < s->buffers; i++) { /* opens and fills every buffer once */
        whole.local = local + i * s->size;
        whole.key = keys[i];
        check(transport_transfer(&t, &whole, 1), "first transfer");
    }
    double writing = run_batches(&t, s, requests, keys, TRANSPORT_WRITE, local);
    memset(local, 0, s->size * s->buffers);
    double reading = run_batches(&t, s, requests, keys, TRANSPORT_READ, local);
    int bad = check_local(s, local);
    double bytes = (double)s->size * (double)s->batch * (double)s->batches;
    printf("{\"record\": \"end\", \"workload\": \"transport\", \"backend\": \"%s\", \"size\": %lu, "
           "\"batch\": %lu, "
           "\"buffers\": %lu, \"batches\": %lu, \"write_s\": %.6f, \"read_s\": %.6f, "
           "\"write_bytes_per_s\": %.0f, "
           "\"read_bytes_per_s\": %.0f}\n",
           s->backend->name, s->size, s->batch, s->buffers, s->batches, writing, reading,
           bytes / writing, bytes / reading);
    check(transport_send(socket, "", 1), "send the end");
    transport_close(&t);
    free(keys);
    free(local);
    free(requests);
    return bad;
}

/* ---- sockets and the command line ---- */

static int unix_socket(const char *path, struct sockaddr_un *address) {
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path)
        fail(path, -ENAMETOOLONG);
    strcpy(address->sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(fd < 0 ? -errno : 0, "socket");
    return fd;
}

static int listen_once(const char *path) {
    struct sockaddr_un address;
    int fd = unix_socket(path, &address);
    check(bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 1) ? -errno : 0,
          path);
    int peer = accept(fd, NULL, NULL);
    check(peer < 0 ? -errno : 0, "accept");
    close(fd);
    unlink(path);
    return peer;
}

static int connect_to(const char *path) {
    struct sockaddr_un address;
    int fd = unix_socket(path, &address);
    check(connect(fd, (struct sockaddr *)&address, sizeof address) ? -errno : 0, path);
    return fd;
}

static int both(const struct settings *s) {
    int ends[2], status;
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) ? -errno : 0, "socketpair");
    pid_t child = fork();
    check(child < 0 ? -errno : 0, "fork");
    if (!child) {
        close(ends[0]);
        _exit(target(s, ends[1]));
    }
    close(ends[1]);
    int bad = initiator(s, ends[0]);
    waitpid(child, &status, 0);
    return bad || status;
}

static void usage(void) {
    fputs("usage: shm-transport [--backend arena|per-allocation] [--size BYTES] [--batch N]\n"
          "                     [--buffers N] [--batches N] [--listen PATH | --connect PATH]\n"
          "       --listen runs the target only, --connect the initiator only\n",
          stderr);
    exit(2);
}

static unsigned long count(const char *text) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (!value || *end || value > 1ul << 32)
        usage();
    return value;
}

static struct settings parse(int argc, char **argv) {
    struct settings s = {transport_find(NULL), NULL, NULL, 4096, 16, 64, 10000};
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : (usage(), "");
        if (!strcmp(argv[i], "--backend"))
            s.backend = transport_find(value);
        else if (!strcmp(argv[i], "--listen"))
            s.listen = value;
        else if (!strcmp(argv[i], "--connect"))
            s.connect = value;
        else if (!strcmp(argv[i], "--size"))
            s.size = count(value);
        else if (!strcmp(argv[i], "--batch"))
            s.batch = count(value);
        else if (!strcmp(argv[i], "--buffers"))
            s.buffers = count(value);
        else if (!strcmp(argv[i], "--batches"))
            s.batches = count(value);
        else
            usage();
    }
    if (!s.backend)
        usage();
    return s;
}

int main(int argc, char **argv) {
    struct settings s = parse(argc, argv);
    if (s.listen)
        return target(&s, listen_once(s.listen));
    return s.connect ? initiator(&s, connect_to(s.connect)) : both(&s);
}
