/* The page that shows another process the state of this one (--live-file), and that sums the live
 * bytes of all threads. Little-endian 64-bit words at fixed places: the layout is a contract with
 * the harness. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

enum { LIVE_PUBLISH_BYTES = 1 << 16 }; /* with --live-file a change of this size is published */

enum live_phase { LIVE_SETUP = 0, LIVE_MEASURED = 1, LIVE_FREED = 2, LIVE_DONE = 3 };

struct live_page {
    _Atomic uint64_t magic;     /* LIVE_MAGIC once the page is valid */
    _Atomic uint64_t phase;     /* enum live_phase */
    _Atomic int64_t live_bytes; /* requested and not yet freed, over all threads */
    _Atomic uint64_t ops;       /* calls made to the allocator so far */
    _Atomic uint64_t start_ns;  /* CLOCK_MONOTONIC when the measured region began */
    _Atomic int64_t peak_bytes; /* greatest live_bytes seen */
    _Atomic uint64_t own_bytes; /* resident memory of memtest's own tables */
};

static const uint64_t LIVE_MAGIC = 0x616c6c6f636c6976u; /* "alloc liv" */

/* Maps the file at `path` (it exists and holds at least 4096 bytes); NULL gives a private page
 * instead. Exits with EXIT_USAGE and a message when the file cannot be used. */
struct live_page *live_open(const char *path);

/* Adds what one thread did since its last call. Relaxed: an observer needs a recent value, not an
 * order. */
void live_add(struct live_page *page, int64_t bytes, uint64_t ops);
