#include "convert.h"

#include "memory.h"
#include "memtest/trace/map.h"
#include "meta.h"
#include "raw_stream.h"
#include "writer.h"

#include <stdlib.h>

/* A map holds for each live object, by its address, the number of the event that made it and its
 * size. Maps of inherited objects do not use the number. */

struct thread {
    bool is_reallocating; /* a realloc has begun: ... */
    struct map_entry old; /* ... of this object */
    bool has_ended;       /* libc may still free memory that it kept for the thread */
};

struct conversion {
    struct raw_stream *raw;
    struct map live;
    struct map *inheritable;     /* live objects of the parent at the fork, or NULL */
    struct map inherited;        /* those of them that this process frees */
    struct thread *threads;      /* by thread - 1 */
    struct trace_writer *writer; /* NULL: only find inherited objects */
    struct trace_totals totals;
    uint64_t last_seq;
    uint64_t live_bytes;
    uint64_t until_seq; /* stop after this number */
};

static void put(struct map *map, uint64_t address, uint64_t number, uint64_t size) {
    if (!map_put(map, address, number, size))
        memory_is_exhausted();
}

static uint64_t emit(struct conversion *c, uint32_t thread, enum trace_op op, uint64_t size,
                     unsigned align_log2, uint64_t back) {
    return c->writer ? writer_event(c->writer, thread - 1, op, size, align_log2, back) : 0;
}

static void count_live(struct conversion *c) {
    if (c->live_bytes > c->totals.live_peak_bytes)
        c->totals.live_peak_bytes = c->live_bytes;
    if (c->live.used > c->totals.live_peak_objects)
        c->totals.live_peak_objects = c->live.used;
}

static void make(struct conversion *c, uint64_t address, uint64_t number, uint64_t size) {
    put(&c->live, address, number, size);
    c->live_bytes += size;
    c->totals.acquires++;
    count_live(c);
}

/* The number that the next event gets. */
static uint64_t next_number(const struct conversion *c) {
    return c->totals.events;
}

/* An allocation at the address of a live object: that object was freed without a call of free (by
 * libc's own clean-up), and ends here. */
static void evict(struct conversion *c, const struct raw_event *event) {
    struct map_entry object;
    if (!map_take(&c->live, event->address, &object))
        return;
    c->live_bytes -= object.b;
    c->totals.releases++;
    c->totals.unseen++;
    emit(c, event->thread, TRACE_FREE, 0, 0, next_number(c) - object.a);
    c->totals.events++;
}

static void acquire(struct conversion *c, const struct raw_event *event) {
    static const enum trace_op ops[] = {
        [RAW_MALLOC] = TRACE_MALLOC, [RAW_CALLOC] = TRACE_CALLOC, [RAW_ALIGNED] = TRACE_ALIGNED};
    evict(c, event);
    uint64_t number = emit(c, event->thread, ops[event->op], event->size, event->align_log2, 0);
    make(c, event->address, number, event->size);
    c->totals.events++;
}

/* Removes the object at an address from the live ones. False, and counted, if there is none. */
static bool take(struct conversion *c, uint64_t address, struct map_entry *object) {
    if (map_take(&c->live, address, object)) {
        c->live_bytes -= object->b;
        c->totals.releases++;
        return true;
    }
    if (c->inheritable && map_take(c->inheritable, address, object))
        put(&c->inherited, address, 0, object->b);
    else
        c->totals.unknown++;
    return false;
}

static void release(struct conversion *c, const struct raw_event *event) {
    struct map_entry object;
    uint64_t back = 0;
    if (event->address) {
        if (!take(c, event->address, &object))
            return;
        back = next_number(c) - object.a;
    }
    emit(c, event->thread, TRACE_FREE, 0, 0, back);
    c->totals.events++;
}

static void finish_realloc(struct conversion *c, const struct raw_event *event) {
    struct thread *thread = &c->threads[event->thread - 1];
    evict(c, event);
    uint64_t back = thread->is_reallocating ? next_number(c) - thread->old.a : 0;
    thread->is_reallocating = false;
    uint64_t number = emit(c, event->thread, TRACE_REALLOC, event->size, 0, back);
    make(c, event->address, number, event->size);
    c->totals.events++;
}

/* A realloc failed: the object is unchanged. */
static void restore(struct conversion *c, const struct raw_event *event) {
    struct thread *thread = &c->threads[event->thread - 1];
    if (!thread->is_reallocating)
        return;
    thread->is_reallocating = false;
    put(&c->live, event->address, thread->old.a, thread->old.b);
    c->live_bytes += thread->old.b;
    c->totals.releases--;
}

static void step(struct conversion *c, struct raw_event *event) {
    if (event->size >= TRACE_SIZE_LIMIT) /* no replay could repeat it */
        event->size = TRACE_SIZE_LIMIT - 1;
    struct thread *thread = &c->threads[event->thread - 1];
    switch (event->op) {
    case RAW_MALLOC:
    case RAW_CALLOC:
    case RAW_ALIGNED:
        acquire(c, event);
        break;
    case RAW_FREE:
        release(c, event);
        break;
    case RAW_REALLOC_BEGIN:
        thread->is_reallocating = take(c, event->address, &thread->old);
        break;
    case RAW_REALLOC:
        finish_realloc(c, event);
        break;
    case RAW_REALLOC_FAILED:
        restore(c, event);
        break;
    case RAW_THREAD_END:
        thread->has_ended = true;
        break;
    }
    if (event->is_last && thread->has_ended) {
        emit(c, event->thread, TRACE_THREAD_END, 0, 0, 0);
        c->totals.events++;
    }
}

static void note_time(struct conversion *c, uint64_t monotonic_ns) {
    if (c->writer && monotonic_ns)
        writer_mark(c->writer, monotonic_ns - raw_process_of(c->raw)->started_monotonic_ns);
}

/* Counts the numbers that were drawn, but not written. The end of a thread draws none. */
static void count_torn(struct conversion *c, const struct raw_event *event) {
    if (event->op == RAW_THREAD_END)
        return;
    c->totals.torn += event->seq - c->last_seq - 1;
    c->last_seq = event->seq;
}

static void run(struct conversion *c) {
    struct raw_event event;
    uint32_t threads = raw_threads(c->raw);
    c->last_seq = raw_process_of(c->raw)->fork_seq;
    c->threads = memory_allocate(threads, sizeof *c->threads);
    while (raw_next(c->raw, &event) && event.seq <= c->until_seq) {
        count_torn(c, &event);
        note_time(c, event.mark_ns);
        step(c, &event);
    }
    for (uint32_t i = 0; i < threads; i++) /* killed within realloc: that object was not freed */
        c->totals.releases -= c->threads[i].is_reallocating;
    free(c->threads);
    raw_rewind(c->raw);
}

/* ---- objects that a forked process inherits ---- */

/* The objects that were live in `process` when its counter was `seq`, with those that it had
 * inherited. */
static struct map alive_at(const struct raw_image *image, const struct raw_process *process,
                           uint64_t seq) {
    struct map all = {0};
    const struct raw_process *parent = raw_image_process(image, process->parent);
    if (parent && parent < process) /* it began earlier; a damaged file must not cause a loop */
        all = alive_at(image, parent, process->fork_seq);
    struct conversion c = {.raw = raw_open(image, process), .inheritable = &all, .until_seq = seq};
    run(&c);
    for (size_t i = 0; i < c.live.capacity; i++)
        if (c.live.entries[i].key)
            put(&all, c.live.entries[i].key, 0, c.live.entries[i].b);
    map_release(&c.live);
    map_release(&c.inherited);
    raw_close(c.raw);
    return all;
}

/* The inherited objects that the process frees: found by reading its events once. */
static struct map find_inherited(struct raw_stream *raw, struct map *inheritable) {
    struct conversion c = {.raw = raw, .inheritable = inheritable, .until_seq = UINT64_MAX};
    run(&c);
    map_release(&c.live);
    return c.inherited;
}

static void emit_inherited(struct conversion *c, const struct map *inherited) {
    for (size_t i = 0; i < inherited->capacity; i++) {
        const struct map_entry *object = &inherited->entries[i];
        if (!object->key)
            continue;
        make(c, object->key, emit(c, 1, TRACE_INHERITED, object->b, 0, 0), object->b);
        c->totals.events++;
        c->totals.inherited++;
    }
}

static void inherit(struct conversion *c, const struct raw_image *image,
                    const struct raw_process *parent) {
    struct map all = alive_at(image, parent, raw_process_of(c->raw)->fork_seq);
    struct map inherited = find_inherited(c->raw, &all);
    emit_inherited(c, &inherited);
    map_release(&inherited);
    map_release(&all);
}

bool convert(const struct raw_image *image, const struct raw_process *process, int at,
             const char *to, struct trace_totals *totals) {
    struct conversion c = {.raw = raw_open(image, process), .until_seq = UINT64_MAX};
    const struct raw_process *parent = raw_image_process(image, process->parent);
    char *meta = meta_of(process);
    c.writer = writer_open(at, to, meta);
    if (parent && parent < process)
        inherit(&c, image, parent);
    run(&c);
    c.totals.lost = atomic_load(&process->lost);
    c.totals.refused = atomic_load(&process->refused);
    c.totals.duration_ns =
        process->ended_ns ? process->ended_ns - process->started_monotonic_ns : 0;
    bool is_written = writer_close(c.writer, &c.totals);
    *totals = c.totals;
    free(meta);
    map_release(&c.live);
    raw_close(c.raw);
    return is_written;
}
