/* Batches of reads and writes between two processes, through both backends of the transport
 * example. */
#include "allocators/shm_arena/transport/transport.h"
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct bench_option options[] = {
    {"block", "4K", "bytes per request"},
    {"batch", "16", "requests per batch"},
    {"buffers", "100", "buffers that the target registers; requests use them in turn"},
    {"batches", "2000", "batches per contender, direction and round"},
    {NULL, NULL, NULL},
};

static size_t block;
static unsigned batch, buffers, batches;
static unsigned char *local;
static struct transport_request *requests;

static void setup(void) {
    block = option_number("block");
    batch = (unsigned)option_number("batch");
    buffers = (unsigned)option_number("buffers");
    batches = (unsigned)option_number("batches");
    /* page-aligned like the buffers: else loads and stores 4 KiB apart hinder each other, in one
     * direction only */
    local = block && buffers ? aligned_alloc(4096, (block * buffers + 4095) / 4096 * 4096) : NULL;
    requests = batch ? calloc(batch, sizeof *requests) : NULL;
    if (!local || !requests || !batches)
        usage_error("--block, --batch, --buffers and --batches: at least 1, and no more than fits "
                    "into memory");
}

/* The target: registers its buffers, sends their keys, and waits. */
static void target(const struct transport_backend *backend, int socket) {
    struct transport t;
    struct transport_buffer *all = calloc(buffers, sizeof *all);
    char done;
    int failed = !all || transport_open(&t, backend, 1, socket, 2 * block * buffers + (8 << 20));
    for (unsigned i = 0; !failed && i < buffers; i++) {
        failed = transport_allocate(&t, block, &all[i]);
        failed = failed || transport_send(socket, &all[i].key, sizeof all[i].key);
    }
    failed = failed || transport_receive(socket, &done, 1);
    for (unsigned i = 0; !failed && i < buffers; i++) {
        failed = *(unsigned char *)all[i].address != (unsigned char)i;
        transport_release(&t, &all[i]);
    }
    _exit(failed ? 1 : 0);
}

static double time_batches(struct transport *t, const uint64_t *keys, enum transport_op op) {
    unsigned next = 0;
    double start = now_ns();
    for (unsigned b = 0; b < batches; b++) {
        for (unsigned i = 0; i < batch; i++, next = next + 1 < buffers ? next + 1 : 0)
            requests[i] =
                (struct transport_request){op, local + next * block, keys[next], 0, block};
        if (transport_transfer(t, requests, batch))
            wrong_result("a transfer failed");
    }
    return (now_ns() - start) / batches;
}

static void initiate(const struct transport_backend *backend, const char *column, int socket,
                     struct bench_row *row) {
    struct transport t;
    uint64_t *keys = calloc(buffers, sizeof *keys);
    if (!keys || transport_open(&t, backend, 0, socket, 0) ||
        transport_receive(socket, keys, buffers * sizeof *keys))
        wrong_result("%s: the handshake failed", backend->name);
    for (unsigned i = 0; i < buffers; i++) {
        struct transport_request first = {TRANSPORT_WRITE, local + i * block, keys[i], 0, block};
        memset(local + i * block, (int)i, block);
        if (transport_transfer(&t, &first, 1)) /* opens the buffer, and takes its page faults */
            wrong_result("%s: the first transfer failed", backend->name);
    }
    double writing = time_batches(&t, keys, TRANSPORT_WRITE);
    memset(local, 0xee, block * buffers);
    for (unsigned i = 0; i < buffers; i++) {
        struct transport_request back = {TRANSPORT_READ, local + i * block, keys[i], 0, block};
        if (transport_transfer(&t, &back, 1) || local[i * block + block - 1] != (unsigned char)i)
            wrong_result("%s: the initiator read wrong bytes", backend->name);
    }
    double reading = time_batches(&t, keys, TRANSPORT_READ);
    row_add(row, writing, "ns_write_%s", column);
    row_add(row, reading, "ns_read_%s", column);
    transport_send(socket, "", 1);
    transport_close(&t);
    free(keys);
}

static void measure(const struct transport_backend *backend, const char *column,
                    struct bench_row *row) {
    int ends[2], status;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        exit(3);
    pid_t child = fork();
    if (child < 0)
        exit(3);
    if (!child) {
        close(ends[0]);
        target(backend, ends[1]);
    }
    close(ends[1]);
    initiate(backend, column, ends[0], row);
    close(ends[0]);
    waitpid(child, &status, 0);
    if (status)
        wrong_result("%s: the target found wrong bytes", backend->name);
}

static void round_(unsigned round, struct bench_row *row) {
    (void)round;
    measure(&transport_per_allocation, "per_allocation", row);
    measure(&transport_arena, "arena", row);
}

static struct bench transfer = {
    .name = "transfer",
    .summary = "a batch of transfers between two processes: a segment per buffer, against "
               "shm_arena, in ns",
    .options = options,
    .rounds = "20",
    .before = "ns_write_per_allocation",
    .after = "ns_write_arena",
    .setup = setup,
    .round = round_,
};
REGISTER_BENCH(transfer);
