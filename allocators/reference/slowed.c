/*
 * slowed, the positive control: stands in front of any malloc, forwards every call to it, and burns
 * processor time, so that each thread uses a known share more than it would have.
 *
 *     LD_PRELOAD=build/libslowed.so ALLOCLAB_SLOWDOWN=5 PROGRAM     # 5 per cent
 *
 * A measurement of two allocators must find such a difference, or say that it could not have. The
 * partner of a slowed program is the same library with 0 per cent: what the detour itself costs
 * (this library's instructions, and a reading of the clock in some 100 us) is then on both sides.
 *
 * Time is that of the thread's CPU clock: sleeping and waiting for a processor cost nothing, the
 * kernel's work for the thread counts. A thread's account is settled every so many calls and when it
 * ends: it burns the share of what it used since, less what it burnt too much before. Nothing is
 * burnt for the time before a thread's first call, nor for the end of the process.
 *
 * Only the functions below are taken: what else an allocator brings (malloc_usable_size, operator
 * new) the program calls directly, as it would without this library.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EXPORT      __attribute__((visibility("default")))
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

static const char variable[] = "ALLOCLAB_SLOWDOWN";

/* Settlements shall lie so far apart: a reading of the clock takes half a microsecond or more. */
enum { SETTLE_NS = 100 * 1000, GAP_MAX = 1 << 12 };

/* name, result, parameters */
#define FORWARDED(F)                                                                               \
    F(malloc, void *, (size_t))                                                                    \
    F(free, void, (void *))                                                                        \
    F(calloc, void *, (size_t, size_t))                                                            \
    F(realloc, void *, (void *, size_t))                                                           \
    F(memalign, void *, (size_t, size_t))                                                          \
    F(aligned_alloc, void *, (size_t, size_t))                                                     \
    F(posix_memalign, int, (void **, size_t, size_t))

/* The functions of the next object that defines them. */
static struct {
#define POINTER(name, result, parameters) result(*name) parameters;
    FORWARDED(POINTER)
} next;

static double share;      /* of the time used that is burnt on top */
static uint64_t burnt_ns; /* by all threads */
static bool is_ready;
static pthread_key_t at_thread_end;

/* An account of one thread, in nanoseconds of its CPU clock. */
static _Thread_local struct {
    uint32_t calls_left, gap; /* until the next settlement; the calls from one to the next */
    bool is_resolving;
    int64_t settled_at; /* 0 before the first call */
    double owed;        /* below 0 when the last burn took too long */
} account;

__attribute__((noreturn)) static void refuse(const char *why) {
    ssize_t ignored = write(STDERR_FILENO, why, strlen(why));
    (void)ignored;
    abort();
}

static double share_wanted(void) {
    const char *text = getenv(variable);
    char *end = NULL;
    double percent = text && *text ? strtod(text, &end) : -1;
    if (!end || *end || !(percent >= 0 && percent <= 1000)) {
        refuse("slowed: ALLOCLAB_SLOWDOWN must be the slowdown in per cent, from 0 to 1000\n");
    }
    return percent / 100;
}

static int64_t thread_ns(void) {
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

/* Returns the time at the end, which is later than wanted by up to one reading of the clock. */
static int64_t burn_until(double wanted) {
    int64_t now;
    do {
        now = thread_ns();
    } while ((double)now < wanted);
    return now;
}

/* Doubles or halves the number of calls between two settlements, towards SETTLE_NS. */
static uint32_t gap_after(uint32_t gap, int64_t used) {
    if (used > SETTLE_NS) {
        return gap > 1 ? gap / 2 : 1;
    }
    return used < SETTLE_NS / 2 && gap < GAP_MAX ? gap * 2 : gap;
}

static void pay(int64_t now, int64_t used) {
    account.gap = gap_after(account.gap, used);
    account.owed += share * (double)used;
    if (account.owed > 0) {
        int64_t end = burn_until((double)now + account.owed);
        account.owed -= (double)(end - now);
        __atomic_fetch_add(&burnt_ns, (uint64_t)(end - now), __ATOMIC_RELAXED);
        now = end;
    }
    account.settled_at = now;
    account.calls_left = account.gap;
}

static void begin(int64_t now) {
    account.settled_at = now;
    account.calls_left = account.gap = 1;
    account.owed = 0;
    pthread_setspecific(at_thread_end, &account); /* may allocate: the account is in order */
}

static __attribute__((noinline)) void settle(void) {
    int64_t now = thread_ns(), used = now - account.settled_at;
    if (account.settled_at == 0 || used < 0) { /* a new thread, or the child of a fork */
        begin(now);
    } else {
        pay(now, used);
    }
}

static void settle_at_end(void *ignored) {
    (void)ignored;
    settle();
}

/* Stores the function of the next object; `pointer` points to a pointer to a function. */
static void find(const char *name, void *pointer) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) {
        refuse("slowed: no object behind this library defines the whole malloc family\n");
    }
    memcpy(pointer, &found, sizeof found);
}

/* dlsym may call calloc for its error message, and does without it when it gets NULL. */
static void resolve(void) {
    account.is_resolving = true;
#define FIND(name, result, parameters) find(#name, &next.name);
    FORWARDED(FIND)
    share = share_wanted();
    if (pthread_key_create(&at_thread_end, settle_at_end) != 0) {
        refuse("slowed: the program has taken all keys of pthread_key_create\n");
    }
    account.is_resolving = false;
    __atomic_store_n(&is_ready, true, __ATOMIC_RELEASE); /* pairs with the load in may_forward */
}

/* The loader calls it before there are threads; other libraries' constructors may come earlier. */
__attribute__((constructor)) static void start(void) {
    if (!is_ready) {
        resolve();
    }
}

/* Every call begins here. False: dlsym itself allocates, there is nobody to forward to yet. */
static inline bool may_forward(void) {
    if (UNLIKELY(!__atomic_load_n(&is_ready, __ATOMIC_ACQUIRE))) {
        if (account.is_resolving) {
            return false;
        }
        resolve();
    }
    if (UNLIKELY(account.calls_left == 0)) {
        settle();
    }
    account.calls_left--;
    return true;
}

EXPORT void *malloc(size_t size) {
    return may_forward() ? next.malloc(size) : NULL;
}

EXPORT void free(void *block) {
    if (may_forward()) {
        next.free(block);
    }
}

EXPORT void *calloc(size_t count, size_t size) {
    return may_forward() ? next.calloc(count, size) : NULL;
}

EXPORT void *realloc(void *block, size_t size) {
    return may_forward() ? next.realloc(block, size) : NULL;
}

EXPORT void *memalign(size_t align, size_t size) {
    return may_forward() ? next.memalign(align, size) : NULL;
}

EXPORT void *aligned_alloc(size_t align, size_t size) {
    return may_forward() ? next.aligned_alloc(align, size) : NULL;
}

EXPORT int posix_memalign(void **block, size_t align, size_t size) {
    return may_forward() ? next.posix_memalign(block, align, size) : ENOMEM;
}

/* The malloc that calls are forwarded to: memtest records which object defines it. */
EXPORT void *alloclab_forwards_to(void) {
    void *address;
    memcpy(&address, &next.malloc, sizeof address);
    return address;
}

/* What this process has burnt so far: tests compare it with the processor time of the process. */
EXPORT uint64_t alloclab_burnt_ns(void) {
    return __atomic_load_n(&burnt_ns, __ATOMIC_RELAXED);
}
