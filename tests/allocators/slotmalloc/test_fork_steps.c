/* fork at every instruction of the allocator's slow paths.
 *
 * The trap flag makes each instruction of an operation raise SIGTRAP. The handler forks: as a
 * signal handler does that interrupted the operation itself ("self"), or it stops while another
 * thread forks ("other"), so that the child finds its heap and the locks torn there. Each child
 * allocates in many classes, frees every block that it knows, and checks contents, invariants and
 * that not more than one step's worth of slots is lost.
 *
 * A run samples the steps, at random, so that it stays short; `--full` takes all. A failure names
 * the step's scenario, number and place. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "allocators/slotmalloc/include/slotmalloc.h"
#include "allocators/slotmalloc/src/api/init.h"
#include "allocators/slotmalloc/src/api/quarantine.h"
#include "allocators/slotmalloc/src/heap/cpu.h"
#include "allocators/slotmalloc/src/heap/thread.h"
#include "allocators/slotmalloc/src/memory/supply.h"
#include "tests/allocators/conformance/support.h"

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#    include "tests/allocators/slotmalloc/fork_child.h"
#    include "tests/allocators/slotmalloc/single_step.h"

enum { SAMPLES = 40, SECONDS = 120 };
enum { SLOT_SLACK = 5, SPAN = 4, CPU_SLACK = 60 };
enum { GROWN = 48 + 2 * 144 }; /* realloc has 3 MiB in hand, and 9 MiB with as much to grow into */

/* What the processes of one run tell each other. */
struct report {
    _Atomic uint64_t steps;
    _Atomic uint64_t used_before; /* slots in use in a child that was forked before the operation */
};
static struct report *report;

static uint64_t stride, phase, slack; /* of the scenario; slack: slots that it has in hand */
static uint64_t pool_slack;           /* pool=cpu: a child on another CPU makes that one's heap */
static bool by_other_thread;
static unsigned seconds; /* that one process may take; a step of a busy machine takes 0.1 */
static sem_t stopped, go_on;
static _Atomic uintptr_t stopped_at; /* the instruction */

static void child_main(void) {
    uint64_t used = live_in_child();
    if (used > report->used_before + slack + pool_slack + SLOT_SLACK) {
        dprintf(STDERR_FILENO, "%lu slots in use after all was freed, %lu without the operation\n",
                (unsigned long)used, (unsigned long)report->used_before);
        _exit(1);
    }
    _exit(0);
}

static void fork_before(void) {
    pid_t child = fork();
    if (child == 0) {
        report->used_before = live_in_child();
        _exit(0);
    }
    int status = 0;
    require(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

/* Forks here; false when the child found something. */
static bool fork_here(void) {
    pid_t child = fork();
    if (child == 0)
        child_main();
    int status = 0;
    require(child > 0 && waitpid(child, &status, 0) == child);
    return status == 0;
}

/* ---- stepping ---- */

static void name_step(uintptr_t place) {
    dprintf(STDERR_FILENO, "at step %lu, %#lx of the program (addr2line -f)\n",
            (unsigned long)report->steps, (unsigned long)(place - (uintptr_t)&__executable_start));
}

static void on_trap(int number, siginfo_t *info, void *context) {
    uintptr_t place = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    (void)number;
    (void)info;
    if (place < (uintptr_t)&__executable_start || place >= (uintptr_t)&etext)
        return;
    uint64_t step = report->steps++;
    if (stride == 0 || step % stride != phase)
        return;
    bool good = true;
    if (by_other_thread) {
        stopped_at = place;
        sem_post(&stopped);
        while (sem_wait(&go_on) != 0)
            ;
    } else {
        good = fork_here();
    }
    if (!good) {
        name_step(place);
        _exit(1);
    }
}

/* ---- operations; the helper thread is another heap ---- */

static size_t op_bytes;
static void free_stepped(struct known *entry) {
    void *block = take(entry);
    (void)STEPPED((slotmalloc_free(block), 0));
}

static void op_fill(void) {
    for (size_t i = 0; i < 90; i++)
        if (known[i].block == NULL)
            put(&known[i], STEPPED(slotmalloc_malloc(op_bytes)), op_bytes);
}

static void op_free(void) {
    for (size_t i = 0; i < 90; i++)
        free_stepped(&known[i]);
}

static void op_large(void) {
    put(&known[0], STEPPED(slotmalloc_calloc(1, op_bytes)), op_bytes);
    const size_t sizes[] = {op_bytes * 3, op_bytes};
    for (size_t i = 0; i < 2; i++) {
        void *block = take(&known[0]);
        put(&known[0], STEPPED(slotmalloc_realloc(block, sizes[i])), sizes[i]);
    }
    put(&known[1], STEPPED(slotmalloc_memalign(1 << 17, op_bytes)), op_bytes);
    free_stepped(&known[0]);
    free_stepped(&known[1]);
}

static void op_trim(void) {
    (void)STEPPED(slotmalloc_malloc_trim(0));
}

static void *fill_in_thread(void *unused) {
    op_fill();
    return unused;
}

static void *free_in_thread(void *unused) {
    for (size_t i = 0; i < 90; i += 2)
        slotmalloc_free(take(&known[i]));
    (void)slotmalloc_malloc_trim(0); /* sends them */
    return unused;
}

static void in_thread(void *(*body)(void *), void *argument) {
    pthread_t thread;
    require(pthread_create(&thread, NULL, body, argument) == 0 && pthread_join(thread, NULL) == 0);
}

/* The thread has a heap by then: else it would take the helper's, which is parked. */
static void after_fill_elsewhere(void) {
    slotmalloc_free(slotmalloc_malloc(100));
    in_thread(fill_in_thread, NULL);
    fill_fresh(3);
    free_all(fresh, FRESH);
}

static void *fill_and_free_half(void *unused) {
    op_fill();
    for (size_t i = 0; i < 90; i += 2)
        slotmalloc_free(take(&known[i]));
    return unused;
}

static void after_half_freed_elsewhere(void) {
    slotmalloc_free(slotmalloc_malloc(100));
    in_thread(fill_and_free_half, NULL);
}

static void after_remote_frees(void) {
    op_fill();
    in_thread(free_in_thread, NULL);
}

static void *free_all_in_thread(void *unused) {
    for (size_t i = 0; i < 90; i++)
        slotmalloc_free(take(&known[i]));
    return unused; /* its end sends them */
}

static bool has_pending(void) {
    return thread_heap_own()->pending != 0;
}

/* All slots of the class are on the heap's pending stack, and the current one has few blocks. */
static void after_all_freed_remotely(void) {
    op_fill();
    in_thread(free_all_in_thread, NULL);
    for (size_t i = 0; i < 5; i++)
        put(&known[i], slotmalloc_malloc(op_bytes), op_bytes);
    require(pool_slack != 0 || has_pending());
}

static void op_fill_some(void) {
    for (size_t i = 5; i < 9; i++)
        put(&known[i], STEPPED(slotmalloc_malloc(op_bytes)), op_bytes);
    require(pool_slack != 0 || !has_pending());
}

static void op_free_one(void) {
    free_stepped(&known[0]);
}

static void fill_one(void) {
    put(&known[0], slotmalloc_malloc(op_bytes), op_bytes);
}

static void after_much(void) {
    for (size_t i = 0; i < KNOWN - 1; i++)
        put(&known[i], slotmalloc_malloc(70000 + 100 * i), 70000 + 100 * i);
    for (size_t i = 0; i < KNOWN - 1; i++)
        if (i % 8 != 0)
            slotmalloc_free(take(&known[i]));
}

static void nothing(void) {}

/* The thread's own end, with what it holds: it is stepped through from there until the destructors
 * of keys have run, the allocator's before that of this later key. */
static pthread_key_t last_key;

static void last_destructor(void *unused) {
    (void)unused;
    trap_off();
}

static void op_end(void) {
    op_fill();
    require(pthread_setspecific(last_key, &last_key) == 0);
}

struct scenario {
    const char *name;
    size_t bytes;
    void (*setup)(void);
    void (*op)(void);
    uint64_t slack;
    bool every_step; /* unless fewer samples than usual are asked for */
};

static const struct scenario scenarios[] = {
    {"fill of 48 B", 48, nothing, op_fill, 0, false},
    {"fill of 1000 B", 1000, nothing, op_fill, 0, false},
    {"fill of 20000 B", 20000, nothing, op_fill, SPAN, false},
    {"free of 48 B", 48, op_fill, op_free, 0, false},
    {"free of 1000 B", 1000, op_fill, op_free, 0, false},
    {"free of 20000 B", 20000, op_fill, op_free, SPAN, false},
    {"runs", 100000, nothing, op_large, 8, false},
    {"huge blocks", 3 << 20, nothing, op_large, GROWN, false},
    {"remote frees of 1000 B", 1000, after_fill_elsewhere, op_free, 0, false},
    {"remote frees of 20000 B", 20000, after_fill_elsewhere, op_free, SPAN, false},
    {"fill from remote frees", 1000, after_remote_frees, op_fill, 0, false},
    {"fill from runs' remote frees", 20000, after_remote_frees, op_fill, SPAN, false},
    {"fill from a parked heap", 5000, after_half_freed_elsewhere, op_fill, 0, false},
    {"trim", 3000, after_much, op_trim, 0, false},
    {"take of a pending stack", 20000, after_all_freed_remotely, op_fill_some, SPAN, true},
    {"free of one run", 100000, fill_one, op_free_one, 2, true},
    {"thread's end", 700, nothing, op_end, 0, false},
};

/* ---- one run ---- */

static void *step_through(void *argument) {
    const struct scenario *scenario = argument;
    bool ends = scenario->op == op_end;
    scenario->setup();
    if (by_other_thread) {
        sem_post(&stopped);
        while (sem_wait(&go_on) != 0)
            ;
    } else {
        fork_before();
    }
    if (ends) {
        op_end();
        trap_on(); /* see op_end */
        return NULL;
    }
    stepping = true;
    scenario->op();
    return NULL;
}

/* What the operation has just given back may be another thread's when fork comes. That thread's
 * block stays until the next stop: the operation must not write over what it gave back. */
static bool fork_at_stop(void) {
    bool can = !supply_is_locked() && !quarantine_is_locked() &&
               !cpu_is_locked(); /* else it would wait for the stopped thread */
    if (can) {
        void *block = slotmalloc_malloc(op_bytes); /* before the last one's place is free */
        slotmalloc_free(take(&known[KNOWN - 1]));
        put(&known[KNOWN - 1], block, op_bytes);
    }
    return fork_here();
}

static void *fork_at_stops(void *argument) {
    const struct scenario *scenario = argument;
    pthread_t thread;
    slotmalloc_free(slotmalloc_malloc(100)); /* a heap of its own */
    require(pthread_create(&thread, NULL, step_through, (void *)scenario) == 0);
    sem_wait(&stopped);
    fork_before();
    sem_post(&go_on);
    while (pthread_tryjoin_np(thread, NULL) != 0) {
        struct timespec soon;
        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_nsec = (soon.tv_nsec + 2000000) % 1000000000;
        if (sem_timedwait(&stopped, &soon) != 0)
            continue;
        if (!fork_at_stop()) {
            name_step(stopped_at);
            _exit(1);
        }
        sem_post(&go_on);
    }
    return NULL;
}

static void run_process(const struct scenario *scenario) {
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_RESTART};
    require(sigaction(SIGTRAP, &action, NULL) == 0);
    alarm(seconds);
    op_bytes = scenario->bytes;
    slack = scenario->slack;
    if (by_other_thread)
        (void)fork_at_stops((void *)scenario);
    else
        in_thread(step_through, (void *)scenario); /* whose heap it is, and who ends */
    _exit(0);
}

static bool run(const struct scenario *scenario, uint64_t every, uint64_t from) {
    seconds = SECONDS + (every == 0 ? 0 : (unsigned)(report->steps / every / 5));
    stride = every;
    phase = from;
    report->steps = 0;
    pid_t child = fork();
    if (child == 0)
        run_process(scenario);
    int status = 0;
    require(waitpid(child, &status, 0) == child);
    if (status != 0)
        fprintf(stderr, "ended with status %#x\n", (unsigned)status);
    return status == 0;
}

/* Counts the steps first, to take evenly spread ones. */
static int run_sampled(const struct scenario *scenario, uint64_t samples, uint64_t *random) {
    const char *who = by_other_thread ? "other" : "self";
    int failed = !run(scenario, 0, 0);
    bool all = scenario->every_step && samples >= SAMPLES;
    uint64_t steps = report->steps, every = all ? 1 : 1 + steps / samples;
    failed = failed || !run(scenario, every, random_next(random) % every);
    printf("%s  %s, %s: %lu steps, every %lu\n", failed ? "FAILED" : "ok    ", scenario->name, who,
           (unsigned long)steps, (unsigned long)every);
    fflush(stdout);
    return failed;
}

static int usage(const char *program) {
    fprintf(stderr, "usage: %s [--full | --samples N] [--only SCENARIO]\n", program);
    return 2;
}

int main(int argc, char **argv) {
    uint64_t samples = SAMPLES, random = (uint64_t)getpid();
    const char *only = "", *options = getenv("SLOTMALLOC");
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--full") == 0)
            samples = UINT64_MAX;
        else if (strcmp(argv[i], "--samples") == 0 && i + 1 < argc)
            samples = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
            only = argv[++i];
        else
            return usage(argv[0]);
    }
    if (options != NULL && strstr(options, "pool=cpu") != NULL)
        pool_slack = CPU_SLACK;
    /* the library's key comes first, and so its destructor */
    require(init_ready() && pthread_key_create(&last_key, last_destructor) == 0);
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    require(report != MAP_FAILED && sem_init(&stopped, 0, 0) == 0 && sem_init(&go_on, 0, 0) == 0);
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        for (int other = 0; other < 2 && strstr(scenarios[i].name, only) != NULL; other++) {
            by_other_thread = other;
            failed += run_sampled(&scenarios[i], samples, &random);
        }
    return failed != 0;
}

#else

int main(void) {
    puts("skipped: needs the trap flag of x86-64, and no sanitizer");
    return 0;
}

#endif
