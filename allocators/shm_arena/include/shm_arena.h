/* shm_arena: an allocator for memory that several processes share.
 *
 * A pool is one file (memfd, POSIX shared memory or a regular file) that several processes map. Any
 * of them allocates blocks from it and any of them frees them; if a process is killed, at whatever
 * instruction, the others go on. A block is identified by its offset in the pool, which is the same
 * number in every process; translation to and from an address is arithmetic.
 *
 *     struct shm_arena_options options = SHM_ARENA_OPTIONS_INIT;
 *     options.size = 1 << 30;
 *     struct shm_arena *arena;
 *     struct shm_block block;
 *     if (shm_arena_create(&options, &arena) == SHM_ARENA_OK &&
 *         shm_arena_alloc(arena, 4096, 0, &block) == SHM_ARENA_OK) {
 *         memcpy(block.address, message, length);
 *         send_to_peer(block.offset);
 *         // the peer: shm_arena_address(arena, offset), and later shm_arena_free(arena, offset)
 *     }
 *
 * Every function is thread-safe unless its comment says otherwise. A function that can fail returns
 * an error code (shm_arena_error_text() explains it), writes its results only on SHM_ARENA_OK, and
 * never ends the process: a full file system and a reached limit are error codes. An allocated
 * block has its memory, so touching it does not raise SIGBUS. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* One line each: name, text. */
#define SHM_ARENA_ERRORS(X)                                                                        \
    X(OK, "success")                                                                               \
    X(INVALID, "an argument is out of its range")                                                  \
    X(NO_MEMORY, "the pool has no room for a block of this size")                                  \
    X(NOT_A_BLOCK,                                                                                 \
      "the offset is not the start of an allocated block (freed twice, or never allocated)")       \
    X(EXISTS, "a pool of this name exists already")                                                \
    X(NOT_FOUND, "no pool of this name exists")                                                    \
    X(SYSTEM, "a system call failed; errno has the reason")                                        \
    X(NO_HUGE_PAGES, "huge pages were required, and the system offers none for this kind of pool") \
    X(NO_NODE, "this machine has no such NUMA node")                                               \
    X(NOT_A_POOL, "the file is not a pool: its magic number is wrong")                             \
    X(VERSION, "the pool was made by an incompatible version of the library")                      \
    X(CHECKSUM, "the pool's header is damaged: its checksum is wrong")                             \
    X(LAYOUT, "the pool's header is inconsistent")                                                 \
    X(TRUNCATED, "the file is shorter than the pool that its header describes")                    \
    X(WRONG_OWNER, "the pool belongs to another user (SHM_ARENA_ANY_OWNER accepts that)")          \
    X(WRONG_MODE,                                                                                  \
      "others than the owner may write to the pool (SHM_ARENA_ANY_OWNER accepts that)")            \
    X(NOT_A_FILE,                                                                                  \
      "the name is that of a symbolic link, or of something else that is not a regular file")      \
    X(ADDRESS_TAKEN, "the pool's fixed address is in use in this process")                         \
    X(TOO_MANY_PROCESSES, "every entry of the pool's process table belongs to a living process")   \
    X(DAMAGED, "the pool's shared state contradicts itself: a process has corrupted it")           \
    X(BUSY, "other processes kept changing the pool; nothing was done, a retry may succeed")       \
    X(NO_SPACE, "the system has no memory or disk space left for more of the pool's file")

enum shm_arena_error {
#define SHM_ARENA_ERROR_ENUM(name, text) SHM_ARENA_##name,
    SHM_ARENA_ERRORS(SHM_ARENA_ERROR_ENUM)
#undef SHM_ARENA_ERROR_ENUM
};

/* One sentence about a code; never NULL. */
const char *shm_arena_error_text(int error);

enum shm_arena_backend {
    SHM_ARENA_MEMFD, /* no name: others attach by its descriptor; sealed against resizing */
    SHM_ARENA_SHM,   /* POSIX shared memory: others attach by name */
    SHM_ARENA_FILE, /* a regular file: others attach by path. It is a valid pool after a reboot only
                       if no process was attached */
};

enum shm_arena_huge { SHM_ARENA_HUGE_NEVER, SHM_ARENA_HUGE_TRY, SHM_ARENA_HUGE_REQUIRE };

enum shm_arena_flags {
    /* create: all processes map the pool at the same address, so pointers can be shared */
    SHM_ARENA_FIXED_ADDRESS = 1u << 0,
    /* create: when a process dies, the blocks that it owns are freed */
    SHM_ARENA_RECLAIM_BLOCKS = 1u << 1,
    /* create, attach: back and map all pages now */
    SHM_ARENA_PREFAULT = 1u << 2,
    /* attach: accept a pool that another user owns or that others may write to */
    SHM_ARENA_ANY_OWNER = 1u << 3,
    /* create: blocks get memory when they are touched, not when they are allocated; a touch raises
       SIGBUS if the system has none left */
    SHM_ARENA_OVERCOMMIT = 1u << 4,
};

/* The options of a new pool. Start from SHM_ARENA_OPTIONS_INIT. */
struct shm_arena_options {
    size_t size;      /* bytes for blocks; rounded up to 64 KiB (2 MiB with huge pages) */
    size_t alignment; /* least alignment of every block: a power of two up to 2 MiB; 0 means 64 */
    const char *name; /* SHM: "/name" (NULL: a random one); FILE: its path; MEMFD: a label */
    enum shm_arena_backend backend;
    enum shm_arena_huge huge; /* MEMFD: hugetlb pages; otherwise transparent huge pages */
    size_t huge_page_size;    /* hugetlb: 0 for the system's default size */
    int numa_node;            /* -1: wherever the touching thread runs */
    unsigned mode;            /* permission bits of the file; 0 means 0600 */
    unsigned max_processes;   /* the most that can be attached at once, up to 1024 */
    unsigned flags;           /* of enum shm_arena_flags */
};

/* Without designators, for C++ before C++20. */
#define SHM_ARENA_OPTIONS_INIT                                                                     \
    { (size_t)64 << 20, 0, NULL, SHM_ARENA_MEMFD, SHM_ARENA_HUGE_NEVER, 0, -1, 0, 128, 0 }

struct shm_arena;

/* A block, as this process sees it. */
struct shm_block {
    void *address;     /* in this process */
    uint64_t offset;   /* in every process; never 0 */
    size_t size;       /* usable bytes: at least what was asked for */
    uint64_t arena_id; /* of the pool: equal in all its processes, random */
};

/* Overwrites the options that environment variables set; docs/shm-arena.md lists them. INVALID if
 * one has no valid value; its name is then stored in *culprit, unless that is NULL. */
int shm_arena_options_from_environment(struct shm_arena_options *options, const char **culprit);

/* ---- pools ---- */

/* Creates a pool and attaches to it. Its name exists only once it is complete. SYSTEM with errno
 * ENOSPC, EDQUOT or EFBIG if the file system, a quota or RLIMIT_FSIZE has no room for it. */
int shm_arena_create(const struct shm_arena_options *options, struct shm_arena **arena);

/* Attaches to an existing pool by the name (SHM) or path (FILE) that it was created with. */
int shm_arena_attach(enum shm_arena_backend backend, const char *name, unsigned flags,
                     struct shm_arena **arena);

/* Attaches by descriptor. The library uses a duplicate: the caller may close its own. */
int shm_arena_attach_fd(int fd, unsigned flags, struct shm_arena **arena);

/* Detaches from the pool: returns the slots that this process allocates from, and unmaps it. Blocks
 * stay allocated. No other thread may use the handle during or after the call. NULL is allowed. */
void shm_arena_detach(struct shm_arena *arena);

/* Removes the pool's name, then detaches. Other attached processes go on; the system gets the
 * memory back when the last one has detached. */
int shm_arena_destroy(struct shm_arena *arena);

/* Removes a pool's name only. */
int shm_arena_unlink(enum shm_arena_backend backend, const char *name);

/* The descriptor to pass to other processes; it belongs to the handle. */
int shm_arena_fd(const struct shm_arena *arena);

/* The name or path that another process attaches by; "" for a memfd. */
const char *shm_arena_name(const struct shm_arena *arena);

/* Whether the pool uses huge pages: 0 no, 1 advised (transparent), 2 hugetlb. */
int shm_arena_huge_pages(const struct shm_arena *arena);

/* Sends a pool's descriptor over a connected Unix socket, or receives one and attaches to it. */
int shm_arena_send(const struct shm_arena *arena, int unix_socket);
int shm_arena_receive(int unix_socket, unsigned flags, struct shm_arena **arena);

/* ---- blocks ---- */

/* Allocates at least `size` bytes (> 0), aligned to `alignment` (a power of two up to 2 MiB; 0: the
 * pool's). Content is undefined. NO_MEMORY if the pool has no room; NO_SPACE, with errno, if it has
 * but the system has no memory for it. After either, freed memory can be allocated again. The
 * calling process owns the block. */
int shm_arena_alloc(struct shm_arena *arena, size_t size, size_t alignment,
                    struct shm_block *block);

/* Frees a block from any process attached to the pool, whoever allocated it. NOT_A_BLOCK changes
 * nothing. Needs no memory, unless it is the first call of a forked child. */
int shm_arena_free(struct shm_arena *arena, uint64_t offset);

/* Changes *block to hold at least `size` bytes, in place or by moving its content; on failure it is
 * unchanged. */
int shm_arena_realloc(struct shm_arena *arena, struct shm_block *block, size_t size,
                      size_t alignment);

/* Describes the block that starts at `offset`. */
int shm_arena_describe(const struct shm_arena *arena, uint64_t offset, struct shm_block *block);

/* Frees every block of every process. No process may use an offset from before the call. */
int shm_arena_reset(struct shm_arena *arena);

/* Changes the owner of a block, whose death frees it under SHM_ARENA_RECLAIM_BLOCKS. After share()
 * it has none and stays allocated until a process frees it; after take() it is the calling process.
 * NOT_A_BLOCK if it is not allocated. */
int shm_arena_share(struct shm_arena *arena, uint64_t offset);
int shm_arena_take(struct shm_arena *arena, uint64_t offset);

/* ---- translation: arithmetic on the handle's own copy of the bounds, which no peer can change
 * ---- */

/* The first member of every handle; read only. */
struct shm_arena_view {
    unsigned char *base; /* where offset 0 is mapped */
    uint64_t first, end; /* offsets of the first byte that a block can have, and after the last */
    uint64_t id;
};

/* The address of an offset, or NULL when it is outside of the part that holds blocks. */
static inline void *shm_arena_address(const struct shm_arena *arena, uint64_t offset) {
    const struct shm_arena_view *view = (const struct shm_arena_view *)(const void *)arena;
    return offset - view->first < view->end - view->first ? view->base + offset : NULL;
}

/* The address of `length` bytes at offset, or NULL unless all of them are inside. */
static inline void *shm_arena_range(const struct shm_arena *arena, uint64_t offset,
                                    uint64_t length) {
    const struct shm_arena_view *view = (const struct shm_arena_view *)(const void *)arena;
    uint64_t span = view->end - view->first, from = offset - view->first;
    return from < span && length <= span - from ? view->base + offset : NULL;
}

/* The offset of an address, or 0 when it is outside of the part that holds blocks. */
static inline uint64_t shm_arena_offset(const struct shm_arena *arena, const void *address) {
    const struct shm_arena_view *view = (const struct shm_arena_view *)(const void *)arena;
    uint64_t offset = (uint64_t)((uintptr_t)address - (uintptr_t)view->base);
    return offset - view->first < view->end - view->first ? offset : 0;
}

/* Whether an address lies in the part of the pool that holds blocks. */
static inline bool shm_arena_owns(const struct shm_arena *arena, const void *address) {
    return shm_arena_offset(arena, address) != 0;
}

/* The pool's id, as in shm_block. */
static inline uint64_t shm_arena_id(const struct shm_arena *arena) {
    return ((const struct shm_arena_view *)(const void *)arena)->id;
}

/* ---- processes that end, and memory returned to the system ---- */

/* Looks for attached processes that have ended without detaching, and reclaims what they held: the
 * slots that they allocated from, unfinished operations, and with SHM_ARENA_RECLAIM_BLOCKS their
 * blocks. Attaching and an allocation that finds no memory call it. Returns the number of processes
 * recovered. */
int shm_arena_recover(struct shm_arena *arena);

/* Waits until an attached process ends, or for timeout_ms (-1: no limit), and recovers. Returns
 * the number of processes recovered: 0 after a time-out. To be called in a loop by a thread of its
 * own. */
int shm_arena_wait_for_death(struct shm_arena *arena, int timeout_ms);

/* Returns the memory of unused slots to the system; the next use of such a slot asks for it again,
 * and may fail. Returns how many bytes of the pool were released. */
uint64_t shm_arena_trim(struct shm_arena *arena);

/* ---- statistics ---- */

enum { SHM_ARENA_MAX_CLASSES = 40 };

struct shm_arena_class_stats {
    uint64_t block_bytes; /* size of its blocks; 0 in the row of large blocks */
    uint64_t live_count, live_bytes, slots;
};

/* One line each: field, meaning. Counters are sums since the pool was created, over all processes,
 * also past ones; they lack an operation during which a process was killed. live_* and
 * reserved_bytes are counted from the slots at each call. */
#define SHM_ARENA_STATS(X)                                                                         \
    X(capacity_bytes)  /* room for blocks */                                                       \
    X(live_bytes)      /* in allocated blocks, by their usable size */                             \
    X(live_count)      /* allocated blocks */                                                      \
    X(reserved_bytes)  /* in slots in use, with the free blocks in them */                         \
    X(peak_bytes)      /* maximum of reserved_bytes */                                             \
    X(allocated_bytes) /* since the pool was created */                                            \
    X(allocated_count)                                                                             \
    X(freed_bytes)                                                                                 \
    X(freed_count)                                                                                 \
    X(failed_count) /* allocations that failed for lack of memory */                               \
    X(recovered_processes)                                                                         \
    X(recovered_blocks)                                                                            \
    X(processes) /* attached now */

struct shm_arena_stats {
#define SHM_ARENA_STATS_FIELD(name) uint64_t name;
    SHM_ARENA_STATS(SHM_ARENA_STATS_FIELD)
#undef SHM_ARENA_STATS_FIELD
    unsigned classes; /* rows of by_class; the last one is that of large blocks */
    struct shm_arena_class_stats by_class[SHM_ARENA_MAX_CLASSES];
};

/* Exact if no process allocates or frees meanwhile. Reads the states of all slots: about 0.1 ms per
 * GiB. */
void shm_arena_get_stats(struct shm_arena *arena, struct shm_arena_stats *stats);

/* Writes the statistics as one JSON object. Returns its length, as snprintf does. */
size_t shm_arena_stats_json(struct shm_arena *arena, char *buffer, size_t size);

/* Calls visit(context, block, owner) for each allocated block, in order of offsets, until it
 * returns false; owner is a pid, or 0 if the block has no owner. Blocks that are allocated or freed
 * meanwhile may be missed. */
void shm_arena_each_block(struct shm_arena *arena,
                          bool (*visit)(void *context, const struct shm_block *block, int owner),
                          void *context);

/* ---- the pool manager: named pools that grow on demand ---- */

struct shm_manager;

/* Gets or creates the managed pools NAME.NODE.0, NAME.NODE.1, ... in POSIX shared memory; `options`
 * (whose name and backend are ignored) describe each new one. At most `max_pools` are created.
 * `remove_at_exit`: this process removes the names when it exits or closes the manager. */
int shm_manager_open(const char *name, const struct shm_arena_options *options, unsigned max_pools,
                     bool remove_at_exit, struct shm_manager **manager);

/* Detaches from the pools; with remove_at_exit, removes their names. No other thread may use the
 * manager during or after the call. */
void shm_manager_close(struct shm_manager *manager);

/* Allocates from the first pool with room, and adds a pool if none has: on the NUMA node of the
 * options, or with per_node() that of the calling thread. */
int shm_manager_alloc(struct shm_manager *manager, size_t size, size_t alignment,
                      struct shm_block *block);

/* Frees the block {arena_id, offset}; the pair identifies it in every process. */
int shm_manager_free(struct shm_manager *manager, uint64_t arena_id, uint64_t offset);

/* Switches separate pools for each NUMA node on or off. */
void shm_manager_per_node(struct shm_manager *manager, bool enable);

/* The address of {arena_id, offset}, if need be after attaching to pools that other processes
 * added; NULL if there is no such pool. */
void *shm_manager_address(struct shm_manager *manager, uint64_t arena_id, uint64_t offset);

/* Number of pools attached, and the i-th of them (NULL beyond); the handle belongs to the
 * manager. */
unsigned shm_manager_count(struct shm_manager *manager);
struct shm_arena *shm_manager_pool(struct shm_manager *manager, unsigned i);

/* Removes the names of all pools of a manager. Returns how many there were. */
int shm_manager_remove(const char *name);

/* Calls visit(context, pool name) for every pool in POSIX shared memory whose name starts with
 * `prefix` ("" for all); stops when it returns false. Skips files that are not pools. */
int shm_arena_list(const char *prefix, bool (*visit)(void *context, const char *name),
                   void *context);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
