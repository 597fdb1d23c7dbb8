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
    {"size", "4K", "bytes of a block"},
    {"operations", "200000",
     "allocations per thread and round; a fiftieth of that where each is a system call"},
    {"window", "64", "blocks that each thread holds"},
    {NULL, NULL, NULL},
};

enum { MOST_WORKERS = 4096, MOST_WINDOW = 4096 };

/* Shared by all processes of a round. */
static struct board {
    _Atomic unsigned ready, failures;
    _Atomic bool go;
    struct {
        double start, end, cpu; /* ns; cpu: of the worker's own processor time */
    } spans[MOST_WORKERS];
} * board;

static unsigned processes, threads, window;
static uint64_t operations;
static size_t size;
static const struct contender *current;

static void setup(void) {
    processes = (unsigned)option_number("processes");
    threads = (unsigned)option_number("threads");
    window = (unsigned)option_number("window");
    operations = option_number("operations");
    size = option_number("size");
    if (!processes || processes > 64 || !threads || threads > 64 || !window ||
        window > MOST_WINDOW || !size)
        usage_error("--processes and --threads: 1 to 64; --window: 1 to %d; --size: at least 1",
                    MOST_WINDOW);
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED)
        exit(3);
}

static uint64_t operations_of(const struct contender *c) {
    uint64_t fewer = c->slow ? operations / 50 : operations;
    return fewer ? fewer : 1;
}

/* Processor time of this thread: what a busy machine does not distort. */
static double cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void *work(void *worker) {
    struct shared_block held[MOST_WINDOW];
    uintptr_t index = (uintptr_t)worker;
    uint64_t random = option_seed() + index * 2, count = operations_of(current);
    for (unsigned i = 0; i < window; i++)
        held[i].address = NULL;
    atomic_fetch_add(&board->ready, 1);
    while (!atomic_load(&board->go))
        sched_yield();
    double cpu = cpu_ns();
    board->spans[index].start = now_ns();
    for (uint64_t done = 0; done < count; done++) {
        struct shared_block *b = &held[next_random(&random) % window];
        if (b->address)
            current->release(b, size);
        if (!current->allocate(size, b)) {
            b->address = NULL;
            atomic_fetch_add(&board->failures, 1);
        }
    }
    board->spans[index].end = now_ns();
    board->spans[index].cpu = cpu_ns() - cpu;
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
    atomic_store(&board->go, true);
}

/* Operations per second, from the first worker's start to the last one's end. */
static double rate(const struct contender *c) {
    double first = board->spans[0].start, last = board->spans[0].end;
    for (unsigned i = 1; i < processes * threads; i++) {
        first = board->spans[i].start < first ? board->spans[i].start : first;
        last = board->spans[i].end > last ? board->spans[i].end : last;
    }
    return (double)operations_of(c) * processes * threads / (last - first) * 1e9;
}

/* Processor time per operation, over all workers. */
static double cpu_per_operation(const struct contender *c) {
    double sum = 0;
    for (unsigned i = 0; i < processes * threads; i++)
        sum += board->spans[i].cpu;
    return sum / ((double)operations_of(c) * processes * threads);
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
    row_add(row, rate(c), "ops_per_s_%s", c->name);
    row_add(row, cpu_per_operation(c), "cpu_ns_%s", c->name);
    c->close();
}

static void round_(unsigned round, struct bench_row *row) {
    (void)round;
    for (const struct contender *c = contender_first(); c; c = c->next)
        measure(c, row);
}

static struct bench concurrent = {
    .name = "concurrent",
    .summary = "allocations per second of many threads and processes, with frees between",
    .options = options,
    .rounds = "10",
    .before = "ops_per_s_per_allocation",
    .after = "ops_per_s_arena",
    .more_is_better = true,
    .setup = setup,
    .round = round_,
};
REGISTER_BENCH(concurrent);
