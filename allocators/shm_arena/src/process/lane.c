#include "process/lane.h"

#include <pthread.h>

/* Each thread has a lane of its own while there are enough, the same one in all pools. When it
 * ends, the lane is free for another thread, which uses the same current slots. */

static _Atomic uint64_t lanes_taken; /* a bit per lane, except the shared one */
__thread unsigned lane_mine;
static pthread_key_t at_thread_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void lane_give_back(void *lane) {
    lane_mine = 1 + SHARED_LANE; /* for destructors of other keys that run later */
    atomic_fetch_and_explicit(&lanes_taken, ~(UINT64_C(1) << ((uintptr_t)lane - 1)),
                              memory_order_release);
}

static void make_key(void) {
    pthread_key_create(&at_thread_end, lane_give_back);
}

unsigned lane_acquire(void) {
    pthread_once(&once, make_key);
    uint64_t taken = atomic_load_explicit(&lanes_taken, memory_order_relaxed);
    unsigned free_lane;
    do {
        free_lane = ~taken ? (unsigned)__builtin_ctzll(~taken) : SHARED_LANE;
        if (free_lane == SHARED_LANE)
            break;
    } while (!atomic_compare_exchange_weak_explicit(&lanes_taken, &taken,
                                                    taken | UINT64_C(1) << free_lane,
                                                    memory_order_acquire, memory_order_relaxed));
    lane_mine = 1 + free_lane;
    if (free_lane != SHARED_LANE)
        pthread_setspecific(at_thread_end, (void *)(uintptr_t)lane_mine);
    return free_lane;
}

void lane_after_fork(void) {
    uint64_t mine = lane_mine && lane_mine - 1 != SHARED_LANE ? UINT64_C(1) << (lane_mine - 1) : 0;
    atomic_store_explicit(&lanes_taken, mine, memory_order_relaxed);
}
