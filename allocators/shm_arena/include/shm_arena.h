/* shm_arena: one pool of shared memory, many processes, memory that comes back.
 *
 * A pool is one file (memfd, POSIX shared memory or a regular file) that several processes map. Any
 * of them allocates blocks from it, any of them frees them, and a process killed at any instruction
 * leaves the others working. Blocks are named by their offset in the pool, which is the same number
 * in every process; translation to and from an address is arithmetic.
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
 * a code (shm_arena_error_text() explains it), writes its results only on SHM_ARENA_OK, and never
 * ends the process: where a file system is full or a limit reached, that is a code. A block that
 * was handed out has its memory, so touching it does not raise SIGBUS either. */
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
    X(SYSTEM, "a system call failed; errno tells why")                                             \
    X(NO_HUGE_PAGES, "huge pages were required, and the system offers none for this kind of pool") \
    X(NO_NODE, "this machine has no such NUMA node")                                               \
    X(NOT_A_POOL, "the file is not a pool: its magic number is wrong")                             \
    X(VERSION, "the pool was made by an incompatible version of the library")                      \
    X(CHECKSUM, "the pool's header is damaged: its checksum is wrong")                             \
    X(LAYOUT, "the pool's header contradicts itself")                                              \
    X(TRUNCATED, "the file is shorter than the pool that its header describes")                    \
    X(WRONG_OWNER, "the pool belongs to another user (SHM_ARENA_ANY_OWNER accepts that)")          \
    X(WRONG_MODE,                                                                                  \
      "others than the owner may write to the pool (SHM_ARENA_ANY_OWNER accepts that)")            \
    X(NOT_A_FILE, "the name leads to a symbolic link, or to something that is not a regular file") \
    X(ADDRESS_TAKEN, "the pool's fixed address is in use in this process")                         \
    X(TOO_MANY_PROCESSES, "every entry of the pool's process table is taken by a living process")  \
    X(DAMAGED, "the pool's shared state contradicts itself: a process wrote garbage into it")      \
    X(BUSY, "other processes kept changing the pool; nothing was done, and another try may "       \
            "succeed")                                                                             \
    X(NO_SPACE, "the system has no memory or disk space left for more of the pool's file")

enum shm_arena_error {
#define SHM_ARENA_ERROR_ENUM(name, text) SHM_ARENA_##name,
    SHM_ARENA_ERRORS(SHM_ARENA_ERROR_ENUM)
#undef SHM_ARENA_ERROR_ENUM
};

/* One sentence about a code; never NULL. */
const char *shm_arena_error_text(int error);

enum shm_arena_backend {
    SHM_ARENA_MEMFD, /* no name in any directory; reached by passing its descriptor; sealed against
                        resizing */
    SHM_ARENA_SHM,   /* POSIX shared memory, reached by name */
    SHM_ARENA_FILE, /* a regular file, reached by path; content survives a reboot only if nobody was
                       attached */
};

enum shm_arena_huge { SHM_ARENA_HUGE_NEVER, SHM_ARENA_HUGE_TRY, SHM_ARENA_HUGE_REQUIRE };

enum shm_arena_flags {
    SHM_ARENA_FIXED_ADDRESS =
        1u << 0, /* create: every process maps the pool at one address: pointers can be shared */
    SHM_ARENA_RECLAIM_BLOCKS =
        1u << 1, /* create: when a process dies, the blocks that it owns are freed */
    SHM_ARENA_PREFAULT = 1u << 2, /* create, attach: take all page faults now */
    SHM_ARENA_ANY_OWNER =
        1u << 3, /* attach: accept a pool that another user owns or others may write */
    SHM_ARENA_OVERCOMMIT =
        1u << 4, /* create: blocks take memory when they are touched, not when they are allocated;
                    a touch for which the system has none raises SIGBUS */
};

/* What create() needs to know. Start from SHM_ARENA_OPTIONS_INIT. */
struct shm_arena_options {
    size_t size;      /* bytes for blocks; rounded up to 64 KiB (2 MiB with huge pages) */
    size_t alignment; /* least alignment of every block: a power of two up to 2 MiB; 0 means 64 */
    const char
        *name; /* SHM: "/name"; FILE: path; MEMFD: a label. NULL: SHM chooses an unguessable name */
    enum shm_arena_backend backend;
    enum shm_arena_huge huge; /* MEMFD: hugetlb pages; otherwise transparent huge pages */
    size_t huge_page_size;    /* hugetlb: 0 for the system's default size */
    int numa_node;            /* -1: wherever the touching thread runs */
    unsigned mode;            /* permission bits of the file; 0 means 0600 */
    unsigned max_processes;   /* how many may be attached at once, up to 1024 */
    unsigned flags;           /* of enum shm_arena_flags */
};

/* In the order of the members, so that C++ before 20 takes it too. */
#define SHM_ARENA_OPTIONS_INIT                                                                     \
    { (size_t)64 << 20, 0, NULL, SHM_ARENA_MEMFD, SHM_ARENA_HUGE_NEVER, 0, -1, 0, 128, 0 }

struct shm_arena;

/* A block as its allocator sees it. */
struct shm_block {
    void *address;     /* in this process */
    uint64_t offset;   /* in every process; never 0 */
    size_t size;       /* usable bytes: at least what was asked for */
    uint64_t arena_id; /* of the pool: equal in all its processes, random */
};

/* Fills options from the environment, over what they hold already; docs/shm-arena.md lists the
 * variables. INVALID when one cannot be understood (its name is then stored in *culprit, unless
 * that is NULL). */
int shm_arena_options_from_environment(struct shm_arena_options *options, const char **culprit);

/* ---- life of a pool ---- */

/* Makes a pool and attaches to it. It appears under its name only once it is complete. SYSTEM with
 * errno ENOSPC, EDQUOT or EFBIG when the file system, a quota or RLIMIT_FSIZE leaves no room for
 * it. */
int shm_arena_create(const struct shm_arena_options *options, struct shm_arena **arena);

/* Attaches to an existing pool by the name (SHM) or path (FILE) that it was created with. */
int shm_arena_attach(enum shm_arena_backend backend, const char *name, unsigned flags,
                     struct shm_arena **arena);

/* Attaches by descriptor. The library works on a duplicate: the caller keeps (and closes) its own.
 */
int shm_arena_attach_fd(int fd, unsigned flags, struct shm_arena **arena);

/* Gives this process's reserves back to the pool and unmaps it. Blocks stay allocated. No other
 * thread may use the handle during or after the call. NULL is allowed. */
void shm_arena_detach(struct shm_arena *arena);

/* Removes the pool's name, then detaches. Others that are attached go on; memory is returned when
 * the last one left. */
int shm_arena_destroy(struct shm_arena *arena);

/* Removes a pool's name only. */
int shm_arena_unlink(enum shm_arena_backend backend, const char *name);

/* The descriptor to pass to other processes; it belongs to the handle. */
int shm_arena_fd(const struct shm_arena *arena);

/* The name or path that another process attaches by; "" for a memfd. */
const char *shm_arena_name(const struct shm_arena *arena);

/* Whether pages of the pool are really huge: 0 no, 1 advised (transparent), 2 hugetlb. */
int shm_arena_huge_pages(const struct shm_arena *arena);

/* Sends a pool's descriptor over a connected Unix socket, or receives one and attaches to it. */
int shm_arena_send(const struct shm_arena *arena, int unix_socket);
int shm_arena_receive(int unix_socket, unsigned flags, struct shm_arena **arena);

/* ---- blocks ---- */

/* Allocates at least `size` bytes (> 0), aligned to `alignment` (a power of two up to 2 MiB; 0: the
 * pool's). Content is undefined. NO_MEMORY when the pool has no room, NO_SPACE (errno tells more)
 * when it has, but the system has none for its file; what is freed can be had again in both cases.
 * The calling process owns the block. */
int shm_arena_alloc(struct shm_arena *arena, size_t size, size_t alignment,
                    struct shm_block *block);

/* Frees a block from any process attached to the pool, whoever allocated it. NOT_A_BLOCK changes
 * nothing. Needs no memory, unless it is the first call of a forked child. */
int shm_arena_free(struct shm_arena *arena, uint64_t offset);

/* Makes *block hold at least `size` bytes, in place or by moving its content; on failure it is as
 * before. */
int shm_arena_realloc(struct shm_arena *arena, struct shm_block *block, size_t size,
                      size_t alignment);

/* Describes the block that starts at `offset`. */
int shm_arena_describe(const struct shm_arena *arena, uint64_t offset, struct shm_block *block);

/* Frees every block of every process. Offsets handed out before are dead: all users must know. */
int shm_arena_reset(struct shm_arena *arena);

/* Who loses the block when its owner dies under SHM_ARENA_RECLAIM_BLOCKS: after share() nobody
 * does, it belongs to the pool until someone frees it; after take() the calling process.
 * NOT_A_BLOCK when it is not allocated. */
int shm_arena_share(struct shm_arena *arena, uint64_t offset);
int shm_arena_take(struct shm_arena *arena, uint64_t offset);

/* ---- translation: arithmetic on the handle's own copy of the bounds, which no peer can change
 * ---- */

/* The head of every handle; read only. */
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

/* ---- death, and memory given back ---- */

/* Looks for attached processes that died, and reclaims what they held: reserves, operations cut
 * short, and with SHM_ARENA_RECLAIM_BLOCKS their blocks. Attaching and running out of memory do
 * this by themselves. Returns how many dead were buried. */
int shm_arena_recover(struct shm_arena *arena);

/* Waits until one of the processes attached now dies, or for timeout_ms (-1: for ever), and
 * recovers. Returns how many dead were buried: 0 after a time-out. A watcher thread calls it in a
 * loop. */
int shm_arena_wait_for_death(struct shm_arena *arena, int timeout_ms);

/* Gives the memory of unused slots back to the system, which must be asked for it again when they
 * are next used. Returns how many bytes of the pool were released. */
uint64_t shm_arena_trim(struct shm_arena *arena);

/* ---- statistics ---- */

enum { SHM_ARENA_MAX_CLASSES = 40 };

struct shm_arena_class_stats {
    uint64_t block_bytes; /* size of its blocks; 0 in the row of large blocks */
    uint64_t live_count, live_bytes, slots;
};

/* One line each: field, meaning. Counts since the pool was made, over all processes, also dead
 * ones; a process that is killed may leave them short by what it was just doing. What is live is
 * counted anew each time, and exact. */
#define SHM_ARENA_STATS(X)                                                                         \
    X(capacity_bytes)  /* room for blocks */                                                       \
    X(live_bytes)      /* in allocated blocks, by their usable size */                             \
    X(live_count)      /* allocated blocks */                                                      \
    X(reserved_bytes)  /* in slots that are in use, also those that hold free blocks */            \
    X(peak_bytes)      /* the most that reserved_bytes ever was */                                 \
    X(allocated_bytes) /* ever given out */                                                        \
    X(allocated_count)                                                                             \
    X(freed_bytes)                                                                                 \
    X(freed_count)                                                                                 \
    X(failed_count) /* allocations refused for lack of room */                                     \
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

/* Exact when nobody allocates or frees meanwhile. Walks the pool: about 0.1 ms per GiB. */
void shm_arena_get_stats(struct shm_arena *arena, struct shm_arena_stats *stats);

/* Writes them as one JSON object, like snprintf: returns the length without the final 0, however
 * small the buffer. */
size_t shm_arena_stats_json(struct shm_arena *arena, char *buffer, size_t size);

/* Calls visit(context, block, owner) for each allocated block in order of offsets until it returns
 * false; owner is the pid, or 0 when it belongs to the pool. For auditors: blocks that come and go
 * meanwhile may be missed. */
void shm_arena_each_block(struct shm_arena *arena,
                          bool (*visit)(void *context, const struct shm_block *block, int owner),
                          void *context);

/* ---- the pool manager: named pools that grow on demand ---- */

struct shm_manager;

/* Gets or creates the managed pools NAME.NODE.0, NAME.NODE.1, ... in POSIX shared memory; `options`
 * (whose name and backend are ignored) describe each new one. At most `max_pools` are made.
 * `remove_at_exit`: this process removes the names when it exits or closes the manager. */
int shm_manager_open(const char *name, const struct shm_arena_options *options, unsigned max_pools,
                     bool remove_at_exit, struct shm_manager **manager);

/* Detaches from its pools; with remove_at_exit removes their names. No other thread may use it any
 * more. */
void shm_manager_close(struct shm_manager *manager);

/* Allocates from the first pool with room, adding a pool when none has: on the options' node, or
 * where per_node() was switched on, that of the calling thread. */
int shm_manager_alloc(struct shm_manager *manager, size_t size, size_t alignment,
                      struct shm_block *block);

/* Frees {arena_id, offset}, the name of a block that is good in every process. */
int shm_manager_free(struct shm_manager *manager, uint64_t arena_id, uint64_t offset);

/* Keeps pools of their own for every NUMA node. */
void shm_manager_per_node(struct shm_manager *manager, bool enable);

/* The address of {arena_id, offset}, attaching to pools that others added meanwhile; NULL when
 * unknown. */
void *shm_manager_address(struct shm_manager *manager, uint64_t arena_id, uint64_t offset);

/* Number of pools attached, and the i-th of them (NULL beyond); the handle belongs to the manager.
 */
unsigned shm_manager_count(struct shm_manager *manager);
struct shm_arena *shm_manager_pool(struct shm_manager *manager, unsigned i);

/* Removes the names of all pools of a manager. Returns how many there were. */
int shm_manager_remove(const char *name);

/* Calls visit(context, pool name) for every pool in POSIX shared memory whose name starts with
 * `prefix` ("" for all); stops when it returns false. Files that are no pools are passed over. */
int shm_arena_list(const char *prefix, bool (*visit)(void *context, const char *name),
                   void *context);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
