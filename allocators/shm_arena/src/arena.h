/* The handle: one process's private view of a pool. Whatever is used to compute an address is
 * copied here when the pool is attached, so that a peer that writes garbage into the pool cannot
 * lead this process out of its mapping. */
#pragma once
#include "layout.h"
#include "shm_arena.h"

#include <pthread.h>
#include <signal.h>
#include <sys/types.h>

/* Where a thread of this process allocates next, for one class: slot + 1 in the upper half, next
 * block to try in the lower. Private, a hint, and therefore free to be wrong. */
struct lane_private {
    _Atomic uint64_t current[CLASS_COUNT];
} __attribute__((aligned(LINE_BYTES)));

/* As shm_arena_huge_pages() tells it. */
enum huge_use { HUGE_NONE, HUGE_ADVISED, HUGE_TLB };

/* What a descriptor must lead to for it to be the pool's: numbers are used again. */
struct file_identity {
    dev_t device;
    ino_t inode;
};

struct shm_arena {
    struct shm_arena_view view; /* first: the public translation reads it */
    struct pool *pool;
    _Atomic uint64_t *states; /* see slot_state() */
    struct small_slot *smalls;
    struct process *processes;
    struct process_lanes *lanes_of;
    _Atomic uint64_t *maps;
    _Atomic uint16_t *side;
    struct geometry geometry;
    uint64_t alignment;
    unsigned flags;
    unsigned pid_namespace;       /* of this process, as in identities */
    _Atomic uint32_t me;          /* tag; 0 until joined, and again in a forked child */
    _Atomic uint64_t searched[2]; /* when the last sweep found nothing, of all slots and of backed
                                     ones: frees so far << 16 | slots wanted */
    _Atomic uint64_t
        looked; /* when dead processes were last looked for, in ns of the coarse clock */
    int fd;     /* of the pool's file, if the program did not close it: see `file` */
    struct file_identity file;
    int huge;            /* of enum huge_use */
    _Atomic int refusal; /* why the last try to join failed */
    enum shm_arena_backend backend;
    uint64_t map_bytes;             /* length of the mapping */
    uint64_t page_bytes;            /* of its pages, if huge, or PAGE_BYTES */
    void *presence;                 /* the page that holds the lock of the entry, or NULL */
    char *name;                     /* "" for a memfd */
    struct shm_arena *_Atomic next; /* all handles of this process: fork needs them */
    struct lane_private lanes[LANES];
};

/* In builds for the crash tests each atomic step calls a function that may kill the process, and
 * another may say that the system has no room; otherwise nothing. */
#ifdef SHM_ARENA_CRASH_POINTS
extern void (*shm_crash_point)(void);
extern bool (*shm_no_space)(void);
#    define CRASH_POINT()   ((void)(shm_crash_point ? shm_crash_point() : (void)0))
#    define NO_SPACE_HERE() (shm_no_space && shm_no_space())
#else
#    define CRASH_POINT()   ((void)0)
#    define NO_SPACE_HERE() false
#endif

/* The state of a slot. Within a page of 512 states, slots 64 apart are neighbours: a run's states
 * then lie on one page, and slots that different processes work on do not share a cache line. */
static inline _Atomic uint64_t *slot_state(const struct shm_arena *a, uint64_t slot) {
    return &a->states[(slot & ~UINT64_C(511)) | (slot & 63) << 3 | (slot >> 6 & 7)];
}

/* Takes a slot from one state to the next; false when it was in another. */
static inline bool slot_change(struct shm_arena *a, uint64_t slot, uint64_t from, uint64_t to) {
    CRASH_POINT();
    bool won = atomic_compare_exchange_strong(slot_state(a, slot), &from, to);
    CRASH_POINT();
    return won;
}

/* Whether slots of a class keep their block states aside. */
static inline bool class_has_side(unsigned class) {
    return size_classes[class].capacity > INLINE_BLOCKS;
}

/* States of a slot's blocks. */
static inline _Atomic uint16_t *slot_blocks(const struct shm_arena *a, uint64_t slot,
                                            unsigned class) {
    return class_has_side(class) ? a->side + slot * SIDE_BLOCKS : a->smalls[slot].blocks;
}

static inline uint64_t slot_offset(const struct shm_arena *a, uint64_t slot) {
    return a->view.first + (slot << SLOT_SHIFT);
}

static inline bool word_is_open(uint64_t word) {
    return (word_kind(word) == SLOT_SMALL || word_kind(word) == SLOT_SEALING ||
            word_kind(word) == SLOT_OPENING) &&
           word_class(word) < CLASS_COUNT;
}

/* Whether a block state says allocated, and to whom. */
static inline bool block_is_allocated(unsigned state) {
    return state >= TAG_FIRST && !(state & BLOCK_PENDING);
}

/* Slots of a run, by the word of its head, cut to what is in the pool. */
static inline uint64_t run_length(const struct shm_arena *a, uint64_t slot, uint64_t word) {
    uint64_t length = word_argument(word), room = a->geometry.slot_count - slot;
    return length < 1 ? 1 : length > room ? room : length;
}

/* Frontier, never beyond the pool whatever is written there. */
static inline uint64_t pool_frontier(const struct shm_arena *a) {
    uint64_t frontier = atomic_load_explicit(&a->pool->frontier, memory_order_acquire);
    return frontier < a->geometry.slot_count ? frontier : a->geometry.slot_count;
}

static inline size_t arena_alignment(const struct shm_arena *a, size_t alignment) {
    return alignment > a->alignment ? alignment : a->alignment;
}

/* What slots an allocation needs. */
struct slots_wanted {
    uint64_t count, step; /* neighbours; the first at a multiple of step */
    bool backed;          /* only slots whose data is backed already: the system gives no more */
    bool side;            /* and, with `backed`, whose block states kept aside are */
};

/* ---- map.c: bitmaps of hints ---- */
void map_set(struct shm_arena *a, unsigned map, uint64_t slot);
void map_set_range(struct shm_arena *a, unsigned map, uint64_t slot, uint64_t count);
void map_clear(struct shm_arena *a, unsigned map, uint64_t slot);
bool map_has(const struct shm_arena *a, unsigned map, uint64_t slot);
/* Takes the lowest bit set; false when none is seen. */
bool map_take(struct shm_arena *a, unsigned map, uint64_t *slot);
/* Takes the bits of neighbouring slots, as wanted, from the map of free ones. */
bool map_take_run(struct shm_arena *a, const struct slots_wanted *want, uint64_t *slot);

/* ---- slot.c: taking and returning slots ---- */
/* Finds slots that look unused; the caller must still win their states. NO_MEMORY when none is in
 * sight, NO_SPACE when those left were never used and the system has no room for their metadata. */
int slots_find(struct shm_arena *a, const struct slots_wanted *want, uint64_t *slot);
/* Says that `count` slots from `slot` on, which are UNUSED now, may be taken. */
void slots_offer(struct shm_arena *a, uint64_t slot, uint64_t count);
/* Accounts for slots that became used or unused. */
void slots_count(struct shm_arena *a, int64_t change);

/* ---- back.c: memory behind the file. All give OK, or NO_SPACE with errno ---- */
/* Backs a part of the file. */
int back_range(struct shm_arena *a, uint64_t offset, uint64_t bytes);
/* Backs the data of slots, which must be the caller's to change. Does nothing where that was done.
 */
int back_data(struct shm_arena *a, uint64_t slot, uint64_t count);
/* Backs the block states of a slot that are kept aside, where the class has any. */
int back_side(struct shm_arena *a, uint64_t slot, unsigned class);
/* Backs the metadata of all slots before `end`, but for what is kept aside. */
int back_metadata(struct shm_arena *a, uint64_t end);
/* Backs the whole file of a new pool and maps it here. */
int back_all(struct shm_arena *a);
/* Gives the memory of a slot, which must be the caller's to change, back to the system. */
bool back_give_up(struct shm_arena *a, uint64_t slot);

/* ---- run.c: large blocks ---- */
int run_alloc(struct shm_arena *a, size_t size, size_t alignment, uint64_t *slot);
/* Frees the run whose head is `slot`, or NOT_A_BLOCK. */
int run_free(struct shm_arena *a, uint64_t slot, uint64_t *bytes);
/* Ends a run whose head is CLAIMING or FREEING and that no other process works on. */
void run_release(struct shm_arena *a, uint64_t slot);

/* ---- small.c: blocks that share a slot ---- */
int small_alloc(struct shm_arena *a, unsigned class, uint64_t *offset);
int small_free(struct shm_arena *a, uint64_t slot, uint64_t word, uint64_t offset);
/* Gives the block state at an offset inside an open slot, or NULL when no block starts there. */
_Atomic uint16_t *small_block(const struct shm_arena *a, uint64_t slot, unsigned class,
                              uint64_t offset);
/* Makes a slot that died OPENING or SEALING an open one. */
void small_reopen(struct shm_arena *a, uint64_t slot, uint64_t word);
/* Offers an open slot that nobody holds, if it has room; makes it unused if it is empty. */
void small_settle(struct shm_arena *a, uint64_t slot, unsigned class);
/* Whether a free block is in sight. */
bool small_has_free(const struct shm_arena *a, uint64_t slot, unsigned class);
/* Makes a slot unused if all its blocks are free, also one that a process holds. */
bool small_retire(struct shm_arena *a, uint64_t slot, uint64_t word);

/* ---- lane.c: which lane the calling thread uses ---- */
extern __thread unsigned lane_mine
    __attribute__((visibility("hidden"))); /* 1 + index; 0: none yet */
unsigned lane_acquire(void);
static inline unsigned lane_index(void) {
    return __builtin_expect(lane_mine != 0, 1) ? lane_mine - 1 : lane_acquire();
}
void lane_after_fork(void);
static inline void lane_add(unsigned lane, _Atomic uint64_t *counter, uint64_t value) {
    if (lane == SHARED_LANE)
        atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
    else /* the only writer */
        atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + value,
                              memory_order_relaxed);
}
static inline struct lane *arena_lane(const struct shm_arena *a, unsigned me, unsigned lane) {
    return &a->lanes_of[me - TAG_FIRST].lane[lane];
}

/* ---- process.c: who is attached ---- */
/* The caller's tag, joining the pool first if it must (after fork); 0 when it cannot, for the
 * reason that join_refusal() gives. */
unsigned process_join(struct shm_arena *a);
/* The same for a new handle, which may take the place of a dead process. */
unsigned process_join_or_inherit(struct shm_arena *a);
static inline unsigned arena_me(struct shm_arena *a) {
    unsigned me = atomic_load_explicit(&a->me, memory_order_relaxed);
    return __builtin_expect(me != 0, 1) ? me : process_join(a);
}
static inline int join_refusal(const struct shm_arena *a) {
    return atomic_load_explicit(&a->refusal, memory_order_relaxed);
}
/* Gives reserves and the entry back. */
void process_leave(struct shm_arena *a);
/* Whether the process of an entry has ended. One of another PID namespace that has no lock counts
 * as alive. */
bool process_is_dead(const struct shm_arena *a, unsigned entry, uint64_t identity);
/* Whether a pid of that identity means the same process here. */
bool process_is_near(const struct shm_arena *a, uint64_t identity);
/* Adds the counters of an entry that is the caller's to change to those of the departed, and
 * vacates the entry. */
void process_vacate(struct shm_arena *a, unsigned tag);

/* ---- handles.c: all handles of this process, and fork ---- */
void handles_add(struct shm_arena *a);
void handles_remove(struct shm_arena *a);
/* Also blocks all signals; unlocking restores the mask. */
void handles_lock(sigset_t *before);
void handles_unlock(const sigset_t *before);

/* ---- presence.c: the lock on an entry of the process table, which the kernel releases at death
 * ---- */
enum presence { PRESENCE_FREE, PRESENCE_HELD, PRESENCE_UNKNOWN };
/* Opens what will hold the lock, under handles_lock(): a descriptor to lock with and then to close,
 * or -1 where the system cannot. The lock lasts until presence_drop() or death. */
int presence_open(struct shm_arena *a);
void presence_close(int fd);
/* Locks an entry: HELD now by the caller; FREE: not by the caller, as another has it; or UNKNOWN
 * where the file has no locks. */
enum presence presence_take(int fd, unsigned entry);
void presence_give_up(int fd, unsigned entry);
void presence_drop(struct shm_arena *a);
/* Whether a process holds the lock of an entry. */
enum presence presence_test(const struct shm_arena *a, unsigned entry);
void presence_after_fork(void);

/* ---- recover.c ---- */
/* Takes everything away from the tags that are set in gone[tag - TAG_FIRST]: reserves, operations
 * cut short, and the ownership of blocks, which are freed where `reclaim`, or else become the
 * pool's. Returns how many were freed. */
uint64_t pool_bury(struct shm_arena *a, const bool gone[MAX_PROCESSES], bool reclaim);
/* Offers whatever can be had in the whole pool: slots and blocks whose hints got lost, open slots
 * that are empty, and with `take_reserves` also what living processes hold in reserve, which they
 * will notice and bear. */
void pool_sweep(struct shm_arena *a, bool take_reserves);
/* Gives up the slots that the caller allocates from. It may go on all the same: that it holds them
 * is but a hint to others. */
void pool_return_reserves(struct shm_arena *a, unsigned me);
/* Buries the dead process whose entry the caller has taken over, and those whom that one was
 * burying. */
void pool_settle_estate(struct shm_arena *a);

/* ---- backing.c: files ---- */
/* Makes a file for the options; with a name, it has none yet. */
int backing_create(const struct shm_arena_options *options, uint64_t bytes, unsigned huge_shift,
                   int *fd);
/* Gives the file its name, which must not exist; *name is allocated. */
int backing_publish(int fd, enum shm_arena_backend backend, const char *wanted, char **name);
int backing_open(enum shm_arena_backend backend, const char *name, int *fd);
/* Removes the name, if it leads to `only`, unless that is NULL. */
int backing_unlink(enum shm_arena_backend backend, const char *name,
                   const struct file_identity *only);
/* Tells what file a descriptor leads to, and whether it still leads there. */
int backing_identify(int fd, struct file_identity *file);
bool backing_is_same(int fd, const struct file_identity *file);
/* Refuses files of the wrong kind, owner or mode; gives the length. */
int backing_check(int fd, unsigned flags, uint64_t *bytes);

/* ---- mapping.c: address space ---- */
int mapping_create(uint64_t bytes, int fd, uint64_t fixed_base, unsigned char **base);
uint64_t mapping_choose_base(void);
int mapping_bind(unsigned char *data, uint64_t bytes, int node);
/* 0 or 1: whether transparent huge pages were advised and the system allows them for shared memory.
 */
int mapping_advise_huge(unsigned char *data, uint64_t bytes);
