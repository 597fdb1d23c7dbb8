/* Throughput of threads and processes that allocate and free at the same time. */
#include "bench.h"
#include "contender.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct bench_option options[] = {
    {"processes", "1", "processes, 1 to 64"},
    {"threads", "1", "threads in each process, 1 to 64"},
    {"size", "4K", "bytes per block"},
    {"milliseconds", "100", "how long each contender is measured per round"},
    {"window", "64", "blocks that each thread holds"},
    {NULL, NULL, NULL},
};

enum { MOST_WORKERS = 4096, MOST_WINDOW = 4096, CLOCK_EVERY = 16 };

/* Shared by all processes of a round. Each works for a fixed time and counts its operations:
 * with more workers than processors, the time for a fixed amount of work would be that of the
 * slowest. */
static struct board {
    _Atomic unsigned ready, failures;
    _Atomic bool go;
    double deadline; /* ns */
    struct {
        uint64_t done;
        double cpu; /* ns of the worker's own processor time */
    } workers[MOST_WORKERS];
} * board;

static unsigned processes, threads, window;
static double duration; /* ns */
static size_t size;
static const struct contender *current;

static void setup(void) {
    processes = (unsigned)option_number("processes");
    threads = (unsigned)option_number("threads");
    window = (unsigned)option_number("window");
    duration = (double)option_number("milliseconds") * 1e6;
    size = option_number("size");
    if (!processes || processes > 64 || !threads || threads > 64 || !window ||
        window > MOST_WINDOW || !size)
        usage_error("--processes and --threads: 1 to 64; --window: 1 to %d; --size and "
                    "--milliseconds: at least 1",
                    MOST_WINDOW);
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED)
        exit(3);
}

/* Processor time of this thread, which other load hardly affects. */
static double cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Replaces random blocks until the deadline; returns how many. */
static uint64_t replace_blocks(struct shared_block *held, uint64_t random) {
    uint64_t done = 0;
    while (done % CLOCK_EVERY || now_ns() < board->deadline) {
        struct shared_block *b = &held[next_random(&random) % window];
        if (b->address)
            current->release(b, size);
        if (!current->allocate(size, b)) {
            b->address = NULL;
            atomic_fetch_add(&board->failures, 1);
        }
        done++;
    }
    return done;
}

static void *work(void *worker) {
    struct shared_block held[MOST_WINDOW];
    uintptr_t index = (uintptr_t)worker;
    for (unsigned i = 0; i < window; i++)
        held[i].address = NULL;
    atomic_fetch_add(&board->ready, 1);
    while (!atomic_load(&board->go))
        sched_yield();
    double cpu = cpu_ns();
    board->workers[index].done = replace_blocks(held, option_seed() + index * 2);
    board->workers[index].cpu = cpu_ns() - cpu;
    for (unsigned i = 0; i < window; i++)
        if (held[i].address)
            current->release(&held[i], size);
    return NULL;
}

static void run_process(unsigned process) {
    pthread_t handles[64];
    for (unsigned t = 1; t < threads; t++)
        if (pthread_create(&handles[t], NULL, work, (void *)(uintptr_t)(process * threads + t)))
            _exit(3);
    work((void *)(uintptr_t)(process * threads));
    for (unsigned t = 1; t < threads; t++)
        pthread_join(handles[t], NULL);
}

static void start_together(void) {
    while (atomic_load(&board->ready) < processes * threads)
        sched_yield();
    board->deadline = now_ns() + duration;
    atomic_store(&board->go, true);
}

/* Adds operations per second and processor time per operation of all workers. */
static void add_results(const struct contender *c, struct bench_row *row) {
    double done = 0, cpu = 0;
    for (unsigned i = 0; i < processes * threads; i++) {
        done += (double)board->workers[i].done;
        cpu += board->workers[i].cpu;
    }
    row_add(row, done / duration * 1e9, "ops_per_s_%s", c->name);
    row_add(row, cpu / (done ? done : 1), "cpu_ns_%s", c->name);
}

static void measure(const struct contender *c, struct bench_row *row) {
    pid_t children[64];
    current = c;
    atomic_store(&board->ready, 0);
    atomic_store(&board->go, false);
    if (!c->open(2 * (size + 4096) * window * threads * processes + (64 << 20)))
        wrong_result("%s could not be opened", c->name);
    for (unsigned p = 0; p < processes; p++) {
        children[p] = fork();
        if (children[p] < 0)
            exit(3);
        if (!children[p]) {
            run_process(p);
            _exit(0);
        }
    }
    start_together();
    for (unsigned p = 0; p < processes; p++) {
        int status;
        waitpid(children[p], &status, 0);
        if (status)
            wrong_result("a process of %s ended with status %#x", c->name, status);
    }
    if (atomic_load(&board->failures))
        wrong_result("%s refused %u allocations", c->name, atomic_load(&board->failures));
    add_results(c, row);
    c->close();
}

static void round_(unsigned round, struct bench_row *row) {
    (void)round;
    for (const struct contender *c = contender_first(); c; c = c->next)
        measure(c, row);
}

static struct bench concurrent = {
    .name = "concurrent",
    .summary = "allocations per second by many threads and processes that also free",
    .options = options,
    .rounds = "10",
    .before = "ops_per_s_per_allocation",
    .after = "ops_per_s_arena",
    .more_is_better = true,
    .setup = setup,
    .round = round_,
};
REGISTER_BENCH(concurrent);
