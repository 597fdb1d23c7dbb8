#define _GNU_SOURCE
#include "plan.h"

#include "../exit_codes.h"
#include "../own_memory.h"
#include "../usage.h"
#include "map.h"
#include "table.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* The state of planning. `objects` maps the number of the acquisition + 1 of each live object
 * to its entry and to the lane that made it. */
struct planner {
    struct plan *plan;
    const char *path;
    uint64_t window;
    struct map objects;
    struct table table;
    int32_t *lane_of_thread;         /* lane + 1, as the table begins with zeros */
    int32_t idle_lanes[THREADS_MAX]; /* whose thread has ended; a stack */
    unsigned idle_count;
};

__attribute__((noreturn)) static void refuse(const struct planner *p, const char *why,
                                             uint64_t number) {
    fprintf(stderr, "memtest: %s: event %" PRIu64 ": %s\n", p->path, number, why);
    _exit(EXIT_USAGE);
}

static int32_t new_lane(struct planner *p, uint64_t number) {
    struct plan *plan = p->plan;
    if (plan->lane_count == THREADS_MAX)
        refuse(p, "more threads live at the same time than memtest has workers", number);
    struct plan_lane *lane = &plan->lanes[plan->lane_count];
    stream_begin(&lane->steps, &plan->file);
    stream_begin(&lane->left_over, &plan->file);
    return (int32_t)plan->lane_count++;
}

/* The lane that plays a recorded thread; one whose thread has ended is taken again. */
static unsigned lane_of(struct planner *p, const struct trace_event *event) {
    int32_t *lane = &p->lane_of_thread[event->thread];
    if (*lane == 0)
        *lane = 1 + (p->idle_count ? p->idle_lanes[--p->idle_count] : new_lane(p, event->number));
    return (unsigned)*lane - 1;
}

static void append(struct planner *p, unsigned lane, const struct replay_step *step) {
    stream_append(&p->plan->lanes[lane].steps, step);
}

/* Makes the step wait for the acquisition, if that is of another lane and the window does not order
 * the two already. */
static void wait_for(const struct planner *p, struct replay_step *step, unsigned lane,
                     unsigned other, uint64_t back) {
    if (other == lane || back > p->window)
        return;
    step->after = (uint64_t)other + 1;
    step->after_back = (uint32_t)back;
}

static void acquire(struct planner *p, struct replay_step *step, unsigned lane, bool has_entry) {
    if (!has_entry)
        step->entry = table_take(&p->table, lane, step->number, p->window);
    table_own(&p->table, step->entry, lane);
    if (!map_put(&p->objects, step->number + 1, step->entry, lane))
        refuse(p, "no memory for memtest's tables", step->number);
}

/* Finds the object that the event frees. */
static void release(struct planner *p, struct replay_step *step, unsigned lane,
                    const struct trace_event *event) {
    struct map_entry object;
    if (!map_take(&p->objects, event->number - event->back + 1, &object))
        refuse(p, "it frees an object that is not alive: the trace is inconsistent", event->number);
    step->entry = (uint32_t)object.a;
    wait_for(p, step, lane, (unsigned)object.b, event->back);
}

static enum replay_op replay_op_of(const struct trace_event *event) {
    static const enum replay_op ops[TRACE_OPS] = {[TRACE_MALLOC] = REPLAY_MALLOC,
                                                  [TRACE_CALLOC] = REPLAY_CALLOC,
                                                  [TRACE_ALIGNED] = REPLAY_ALIGNED,
                                                  [TRACE_REALLOC] = REPLAY_REALLOC,
                                                  [TRACE_FREE] = REPLAY_FREE,
                                                  [TRACE_INHERITED] = REPLAY_MALLOC,
                                                  [TRACE_THREAD_END] = REPLAY_THREAD_END};
    if (event->back == 0 && event->op == TRACE_REALLOC)
        return REPLAY_REALLOC_NULL;
    if (event->back == 0 && event->op == TRACE_FREE)
        return REPLAY_FREE_NULL;
    return ops[event->op];
}

static void end_thread(struct planner *p, unsigned lane, uint32_t thread) {
    p->plan->lanes[lane].has_ends = true;
    p->idle_lanes[p->idle_count++] = (int32_t)lane;
    p->lane_of_thread[thread] = 0;
}

static void plan_event(struct planner *p, const struct trace_event *event) {
    unsigned lane = lane_of(p, event);
    struct replay_step step = {
        .number = event->number,
        .op = replay_op_of(event),
        .align_log2 = event->op == TRACE_ALIGNED ? (unsigned)__builtin_ctzll(event->alignment) : 0,
        .size = event->size,
    };
    bool releases = event->back != 0;
    if (releases)
        release(p, &step, lane, event);
    if (trace_op_acquires(event->op))
        acquire(p, &step, lane, releases);
    else if (releases)
        table_give(&p->table, step.entry, lane, step.number);
    append(p, lane, &step);
    if (event->op == TRACE_THREAD_END)
        end_thread(p, lane, event->thread);
}

/* What is alive at the end is freed by the lane that made it, in the order of the entries. */
static void plan_left_over(struct planner *p) {
    for (uint32_t entry = 0; entry < p->table.count; entry++) {
        unsigned lane;
        if (table_owner(&p->table, entry, &lane))
            stream_append(&p->plan->lanes[lane].left_over,
                          &(struct replay_step){.op = REPLAY_FREE, .entry = entry});
    }
}

static void finish_streams(struct plan *plan) {
    for (unsigned i = 0; i < plan->lane_count; i++) {
        stream_finish(&plan->lanes[i].steps);
        stream_finish(&plan->lanes[i].left_over);
    }
}

/* Reads the whole file once: nothing is planned from a damaged one, and its totals size the tables.
 */
static struct trace_reader *open_checked(const char *path, struct trace_error *error) {
    struct trace_event event;
    struct trace_reader *reader = trace_open(path, error);
    while (reader && trace_next(reader, &event))
        ;
    if (error->text[0]) {
        fprintf(stderr, "memtest: %s\n", error->text);
        _exit(EXIT_USAGE);
    }
    return reader;
}

/* Runs in the planning process, whose end gives all memory back. */
static void plan_all(struct plan *plan, const char *path, uint64_t window) {
    struct trace_error error;
    struct trace_event event;
    struct trace_reader *reader = open_checked(path, &error);
    plan->totals = *trace_totals(reader);
    struct planner p = {.plan = plan, .path = path, .window = window};
    p.lane_of_thread = own_memory_lazy(plan->totals.threads * sizeof *p.lane_of_thread);
    table_init(&p.table, plan->totals.acquires, plan->totals.threads == 1 ? 1 : THREADS_MAX);
    trace_rewind(reader);
    while (trace_next(reader, &event))
        plan_event(&p, &event);
    plan_left_over(&p);
    finish_streams(plan);
    plan->entry_count = p.table.count;
}

/* Waits for a child whose memory must not count: the high-water mark of a child that is waited for
 * is added to the parent's in getrusage and wait4, unless SIGCHLD is ignored. */
static void run_unaccounted(struct plan *plan, const char *path, uint64_t window) {
    void (*before)(int) = signal(SIGCHLD, SIG_IGN);
    pid_t child = fork();
    if (child == 0) {
        plan_all(plan, path, window);
        plan->is_complete = true;
        _exit(0);
    }
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ; /* returns ECHILD when the child has gone */
    signal(SIGCHLD, before);
}

void plan_make(struct plan *plan, const char *path, uint64_t window) {
    struct plan *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        fprintf(stderr, "memtest: no memory to plan the replay\n");
        exit(EXIT_USAGE);
    }
    stream_file_open(&shared->file);
    run_unaccounted(shared, path, window);
    memcpy(plan, shared, offsetof(struct plan, lanes) + shared->lane_count * sizeof *plan->lanes);
    munmap(shared, sizeof *shared);
    if (!plan->is_complete) /* it printed why, unless it was killed */
        usage_error("%s cannot be replayed", path);
    for (unsigned i = 0; i < plan->lane_count; i++) {
        stream_open(&plan->lanes[i].steps, &plan->file);
        stream_open(&plan->lanes[i].left_over, &plan->file);
    }
}
