#define _GNU_SOURCE
#include "log.h"

#include "announce.h"
#include "image.h"
#include "next.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

static struct log_process not_started;
struct log_process *log_process = &not_started;
struct log_counter log_counter;
__thread struct log_thread log_self = {.releasing = LOG_NOTHING};

/* Not wiped by fork: in a child that has not begun, the parent's. */
static struct raw_process *process;
static uint32_t generations;
static bool has_thread_key;
static pthread_key_t thread_key;

static bool has_begun(void) {
    return atomic_load_explicit(&log_process->generation, memory_order_acquire) != 0;
}

static bool make_shared_page(void) {
    if (log_process != &not_started)
        return true; /* inherited, and zero */
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || madvise(page, 4096, MADV_WIPEONFORK) != 0) {
        announce_failure(LEDGER_KERNEL, errno);
        return false;
    }
    log_process = page;
    return true;
}

/* If this process was forked, `process` is the parent's page. */
static bool begin_process(void) {
    if (!image_begin())
        return false;
    struct raw_process *own =
        image_add_process(process, atomic_load_explicit(&log_counter.drawn, memory_order_relaxed));
    if (!own)
        return false;
    process = own;
    return true;
}

/* Begins the recording of this process; one thread does it, others wait. */
static void start_process(void) {
    if (!make_shared_page())
        atomic_store_explicit(&log_process->stopped, true, memory_order_relaxed);
    /* acquire and release: the second thread sees what the first has begun */
    while (atomic_flag_test_and_set_explicit(&log_process->starting, memory_order_acquire))
        ;
    if (!has_begun() && !atomic_load_explicit(&log_process->stopped, memory_order_relaxed)) {
        if (begin_process())
            atomic_store_explicit(&log_process->generation, ++generations, memory_order_release);
        else
            atomic_store_explicit(&log_process->stopped, true, memory_order_relaxed);
    }
    atomic_flag_clear_explicit(&log_process->starting, memory_order_release);
}

static bool take_chunk(void) {
    size_t bytes = log_self.chunk_bytes;
    uint64_t *chunk = image_claim(bytes);
    if (!chunk) { /* relaxed: a thread that sees it late fails itself */
        atomic_store_explicit(&log_process->stopped, true, memory_order_relaxed);
        return false;
    }
    chunk[1] = image_now_ns(CLOCK_MONOTONIC);
    chunk[2] = image_offset(process);
    /* release: a reader of the head sees the two words after it */
    atomic_store_explicit((_Atomic uint64_t *)chunk, (uint64_t)log_self.id << 32 | bytes,
                          memory_order_release);
    log_self.next = chunk + RAW_CHUNK_WORDS;
    log_self.end = chunk + bytes / sizeof *chunk;
    if (bytes < RAW_CHUNK_MAX)
        log_self.chunk_bytes = bytes * 4;
    return true;
}

/* relaxed: the thread's number only has to be unique. */
static void begin_thread(uint32_t generation) {
    log_self.next = log_self.end = NULL;
    log_self.id = atomic_fetch_add_explicit(&process->threads, 1, memory_order_relaxed) + 1;
    log_self.chunk_bytes = RAW_CHUNK_MIN;
    log_self.generation = generation;
}

static void count_lost(void) {
    if (has_begun()) /* relaxed: read after the end of the process */
        atomic_fetch_add_explicit(&process->lost, 1, memory_order_relaxed);
}

static bool refill(void) {
    if (!has_begun())
        start_process();
    uint32_t generation = atomic_load_explicit(&log_process->generation, memory_order_acquire);
    if (!generation)
        return false;
    bool is_new = log_self.generation != generation;
    if (is_new)
        begin_thread(generation);
    if (!take_chunk()) {
        count_lost();
        return false;
    }
    if (is_new && has_thread_key)
        pthread_setspecific(thread_key, process); /* may call calloc, which finds the chunk ready */
    return true;
}

/* Signals are blocked, so no handler can fork or allocate while a chunk begins. */
bool log_refill(void) {
    if (atomic_load_explicit(&log_process->stopped, memory_order_relaxed)) {
        count_lost();
        return false;
    }
    int saved = errno;
    sigset_t all, before;
    sigfillset(&all);
    bool is_blocked = pthread_sigmask(SIG_SETMASK, &all, &before) == 0;
    bool done = refill();
    if (is_blocked)
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return done;
}

bool log_was_forked(uint64_t *seq) {
    if (has_begun())
        return *seq > process->fork_seq;
    /* The child has its own copy of the counter and one thread, so the number can be returned. The
     * parent uses the number for this event, which for the child happens after the fork. */
    atomic_fetch_sub_explicit(&log_counter.drawn, 1, memory_order_relaxed);
    *seq = 0;
    return true;
}

void log_refused(void) {
    if (has_begun()) /* relaxed: read after the end of the process */
        atomic_fetch_add_explicit(&process->refused, 1, memory_order_relaxed);
}

static void end_thread(void *value) {
    (void)value;
    if (log_self.generation != atomic_load_explicit(&log_process->generation, memory_order_relaxed))
        return; /* no event since a fork: there is no chunk to write to */
    if (!log_has_room() && !log_refill())
        return;
    uint64_t *event = log_self.next;
    log_self.next += raw_words_of(RAW_THREAD_END);
    uint64_t seq = atomic_load_explicit(&log_counter.drawn, memory_order_relaxed);
    event[1] = image_now_ns(CLOCK_MONOTONIC);
    /* release: a reader of the head sees the word after it */
    atomic_store_explicit((_Atomic uint64_t *)event, raw_word(RAW_THREAD_END, 0, seq),
                          memory_order_release);
}

/* An image that never allocates gets a recording too: a missing one counts as a failure. */
__attribute__((constructor)) static void begin(void) {
    has_thread_key = pthread_key_create(&thread_key, end_thread) == 0;
    if (!has_begun())
        log_refill();
    if (next_is_passed_by("malloc"))
        announce_failure(LEDGER_OWN_MALLOC, 0);
    if (has_thread_key && log_self.generation)
        pthread_setspecific(thread_key, process);
}

__attribute__((destructor)) static void note_end(void) {
    if (has_begun())
        process->ended_ns = image_now_ns(CLOCK_MONOTONIC);
}
