/* Replays a recorded trace; memtest/trace/plan.h explains how its threads and their order are kept.
 */
#include "../trace/plan.h"
#include "../trace/watch.h"
#include "../workload.h"

#include <sched.h>
#include <stdatomic.h>

static const struct option_spec options[] = {
    {.key = "file",
     .type = OPTION_TEXT,
     .positional = true,
     .help = "trace made by build/alloc-record"},
    {.key = "order",
     .type = OPTION_CHOICE,
     .fallback = "objects",
     .choices = "objects|total",
     .help = "objects: a thread waits for another one whose object it frees; total: every event "
             "waits for the one before"},
    {.key = "window",
     .type = OPTION_COUNT,
     .fallback = "65536",
     .min = 1,
     .max = 0x1p30,
     .help = "with --order objects: events that a thread may run ahead of the slowest one"},
    {.key = "addresses",
     .type = OPTION_TEXT,
     .fallback = "",
     .help = "file to write: the address that each event of the first round received"},
    {.key = "live-curve",
     .type = OPTION_TEXT,
     .fallback = "",
     .help = "file to write: the live bytes after each event of the first round"},
    {.key = NULL},
};

/* How far a lane has come. On a cache line of its own, as the others read it. */
struct progress {
    /* The lane's next event: all that it had to do before is done. The store that moves it releases
     * the entries that the lane wrote; pairs with the acquire loads in least_progress() and
     * wait_for(). */
    _Alignas(128) _Atomic uint64_t next;
};

struct lane {
    struct plan_lane *plan;
    struct progress *progress;
    uint64_t limit; /* the lane may do events below this one without reading the others */
    unsigned unpublished;
};

enum { PUBLISH_EVERY = 32 }; /* steps: others see progress this late while the lane is running */

static struct plan plan;
static struct block *entries;
static struct progress *progress;
static uint64_t window;
static bool in_total_order;
static struct watch watch;

static void setup(struct settings *settings) {
    in_total_order = option_choice(settings, "order") == 1;
    window = in_total_order ? 0 : option_number(settings, "window");
    plan_make(&plan, option_text(settings, "file"), window);
    require_threads(settings, plan.lane_count ? plan.lane_count : 1);
    entries = entries_new(plan.entry_count);
    progress = own_memory(settings->threads * sizeof *progress);
    watch_open(&watch, option_text(settings, "addresses"), option_text(settings, "live-curve"),
               plan.totals.events);
}

static void prepare(struct worker *w) {
    struct lane *lane = own_memory(sizeof *lane);
    lane->plan = &plan.lanes[w->index];
    lane->progress = &progress[w->index];
    w->state = lane;
}

/* ---- the order between lanes ---- */

static void publish(struct lane *lane, uint64_t next) {
    lane->unpublished = 0;
    atomic_store_explicit(&lane->progress->next, next, memory_order_release);
}

static uint64_t least_progress(void) {
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < plan.lane_count; i++) {
        uint64_t next = atomic_load_explicit(&progress[i].next, memory_order_acquire);
        least = next < least ? next : least;
    }
    return least;
}

/* Spins for a moment, then yields the CPU to the lane that is waited for. */
static void pause_for(unsigned *turns) {
    if (++*turns % 128 == 0)
        sched_yield();
#if defined(__x86_64__)
    else
        __builtin_ia32_pause();
#endif
}

/* Waits until every lane has done all events that precede `number` by more than the window. The
 * lane with the smallest next event never waits here, so there is always one that goes on. */
static void wait_for_window(struct lane *lane, uint64_t number) {
    unsigned turns = 0;
    publish(lane, number);
    uint64_t least; /* at most `number`, which this lane has just published */
    while ((least = least_progress()) + window < number)
        pause_for(&turns);
    lane->limit = least + window + 1;
}

static void wait_for_other(struct lane *lane, const struct replay_step *step) {
    const struct progress *other = &progress[step->after - 1];
    uint64_t wanted = step->number - step->after_back;
    unsigned turns = 0;
    if (atomic_load_explicit(&other->next, memory_order_acquire) > wanted)
        return;
    publish(lane, step->number);
    while (atomic_load_explicit(&other->next, memory_order_acquire) <= wanted)
        pause_for(&turns);
}

static void before_step(struct lane *lane, const struct replay_step *step) {
    if (step->number >= lane->limit)
        wait_for_window(lane, step->number);
    if (step->after)
        wait_for_other(lane, step);
}

static void after_step(struct lane *lane, uint64_t number) {
    if (++lane->unpublished >= PUBLISH_EVERY || in_total_order)
        publish(lane, number + 1);
}

/* ---- the operations ---- */

static void perform(struct worker *w, const struct replay_step *step) {
    static const struct block none;
    struct block *entry = &entries[step->entry];
    size_t alignment = (size_t)1 << step->align_log2;
    switch ((enum replay_op)step->op) {
    case REPLAY_MALLOC:
        *entry = worker_malloc(w, step->size);
        break;
    case REPLAY_CALLOC:
        *entry = worker_calloc(w, 1, step->size);
        break;
    case REPLAY_ALIGNED: /* aligned_alloc may ask for less than posix_memalign accepts */
        *entry =
            worker_memalign(w, alignment < sizeof(void *) ? sizeof(void *) : alignment, step->size);
        break;
    case REPLAY_REALLOC:
        *entry = worker_realloc(w, *entry, step->size);
        break;
    case REPLAY_REALLOC_NULL:
        *entry = worker_realloc(w, none, step->size);
        break;
    case REPLAY_FREE:
        worker_free(w, *entry);
        break;
    case REPLAY_FREE_NULL:
        worker_free(w, none);
        break;
    case REPLAY_THREAD_END:
        break;
    }
}

/* Plays the events of one recorded thread, or all that are left when none of the lane's threads
 * ends. */
static void play_thread(struct worker *w) {
    struct lane *lane = w->state;
    const struct replay_step *step;
    bool is_shared = plan.lane_count > 1, is_watched = watch.is_on && w->round == 0;
    while ((step = stream_next(&lane->plan->steps))) {
        if (is_shared)
            before_step(lane, step);
        int64_t live = worker_live(w);
        perform(w, step);
        if (is_watched)
            watch_step(&watch, step, entries[step->entry].at, worker_live(w) - live);
        if (is_shared)
            after_step(lane, step->number);
        if (step->op == REPLAY_THREAD_END)
            return;
    }
}

static void free_left_over(struct worker *w) {
    struct lane *lane = w->state;
    const struct replay_step *step;
    stream_rewind(&lane->plan->left_over);
    while ((step = stream_next(&lane->plan->left_over)))
        worker_free(w, entries[step->entry]);
}

/* A recorded thread that ended does so here too, as allocators keep memory for each thread. */
static void round_once(struct worker *w) {
    struct lane *lane = w->state;
    if (plan.lane_count == 0)
        return;
    if (w->round > 0)
        free_left_over(w);
    stream_rewind(&lane->plan->steps);
    lane->limit = 0;
    publish(lane, 0);
    worker_barrier(w); /* no lane may read the progress of the last round as this one's */
    while (!stream_is_at_end(&lane->plan->steps)) {
        if (lane->plan->has_ends)
            worker_in_new_thread(w, play_thread);
        else
            play_thread(w);
    }
    publish(lane, UINT64_MAX);
}

static void drain(struct worker *w) {
    if (plan.lane_count)
        free_left_over(w);
}

static struct workload replay = {
    .name = "replay",
    .summary =
        "Replays every allocation, free and realloc of a recorded program, with its threads.",
    .source = "A trace that build/alloc-record made of a real program; docs/trace-format.md.",
    .stresses = "What that program stresses: its sizes, lifetimes and remote frees.",
    .options = options,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
    .drain = drain,
};
REGISTER_WORKLOAD(replay);
