/* Every number that a policy chose and that could be another one. Sizes and shapes that the code
 * depends on are in types.h. Where a measurement chose the value, it follows: times are CPU
 * seconds, the new value over the old one; the commits hold the details. */
#ifndef SLOTMALLOC_TUNING_H
#define SLOTMALLOC_TUNING_H

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

/* ---- Refill: where a bin's next blocks come from (refill.c, pool.c, classes.c) ---- */

/* Bytes carved at a time: a page, so that a slot costs what is used of it; four pages for a class
 * that has CARVE_MORE_FROM slots. 16 KiB from the first slot on: pairs 0.96, but up to 12 KiB more
 * for each class in use. */
#define CARVE_BYTES      (4 * KIB)
#define CARVE_BYTES_MORE (16 * KIB)
#define CARVE_MORE_FROM  4

/* Blocks that a class without a slot takes from a coarser class (the next power of two from
 * COARSE_MIN to COARSE_MAX bytes), so that a few objects of many sizes share pages: 64 threads with
 * one object of each of 40 sizes need 5.1 MB instead of 13. */
#define BORROW_LIMIT 8
#define COARSE_MIN   64
#define COARSE_MAX   2048

/* A full slot becomes available after 1/WAKE_SHARE of its blocks, at most WAKE_MAX, came back:
 * fewer queue operations than after the first. aligned 1.08 times the speed; 1/16 gained nothing.
 */
#define WAKE_SHARE 8
#define WAKE_MAX   8

/* EMPTY slots that a class and a heap keep for their next need; not measured. */
#define EMPTY_PER_CLASS 2
#define EMPTY_PER_HEAP  32

/* Slots of a class in a heap before further ones come from the dense zone, and the largest block
 * there: a first slot, and a larger block, may be touched in part only. fleet 45 -> 27 MB RSS,
 * rptest 30 -> 19 MB, sawtooth 1.2 and burst_idle 1.4 times the speed. */
#define DENSE_FROM      2
#define DENSE_MAX_BYTES 2048

/* Slow paths between two rounds of housekeeping; not measured. */
#define HOUSEKEEPING_PERIOD 64

/* ---- Magazines (magazine.h, classes.c) ---- */

/* The first class with a magazine: above 1 KiB. rptest 0.80, aligned 0.92. From 512 B on,
 * random_mixed 1.7 (mispredicted branches); from 2 KiB on, aligned gained nothing. */
#define MAGAZINE_FROM 32

/* Bytes in a magazine, but at least and at most so many blocks; with the line above: fragmentation
 * 1.05 in time and 1.11 in RSS. */
#define MAGAZINE_BYTES 65536
#define MAGAZINE_MIN   8
#define MAGAZINE_MAX   64

/* ---- Remote frees (remote.c) ---- */

/* Slots whose blocks a heap gathers at once, and bytes that it holds back at most. From 16 entries
 * and 16 KiB: producer_consumer 1.8 times the speed; 64 KiB gained nothing more. */
#define SENDER_ENTRIES     64
#define SENDER_LIMIT_BYTES 32768

/* At that limit the oldest 1/SEND_SHARE of the bytes is sent: no free pays for all of them, and
 * chains have twice the time to grow. p99.9 of free in producer_consumer 302 -> 181 ns. */
#define SEND_SHARE 8

/* ---- pool=cpu (cpu.c) ---- */

#define CPU_HEAPS_MAX 1024 /* CPUs with higher numbers share heaps */
#define CPU_PROBES    2    /* heaps that a call tries before it waits; not measured */

/* ---- Large blocks (huge.c, block.c) ---- */

/* A block that moves because it grows gets this many times its size in addresses: one of 100 KB
 * that grows to 1 GiB by half each time moves once. */
#define HUGE_GROWTH 2

/* From here on realloc remaps pages instead of copying: cheaper, but it splits the mapping. */
#define MOVE_PAGES_FROM (64 * MIB)

/* ---- Giving memory back (purge.c); the default of purge_delay is in options.def ---- */

/* So much may always lie unused; a burst's purge leaves 1/PURGE_LEAVE_SHARE of it. */
#define PURGE_FLOOR_BYTES (32 * MIB)
#define PURGE_LEAVE_SHARE 4

/* A burst: this many times what is in use lies unused. Then two thirds of the memory are free, and
 * lie in few pieces. */
#define PURGE_BURST_FACTOR 2

/* Adjacent slots worth a call when they are idle: 256 KiB. */
#define PURGE_IDLE_SLOTS 4

/* A small burst takes pieces of at least 1/4 of what is unused: burst_idle, 2 threads, 45 -> 2
 * calls. */
#define PURGE_FEW_PIECES 4

/* A large one takes pieces of at least 1/1024 of it and of 512 KiB, also between blocks: of 3000
 * blocks of 100 KB, of which 90 % were freed at random, 88 % of the bytes go back instead of none.
 */
#define PURGE_MANY_PIECES 1024
#define PURGE_BURST_SLOTS 8

/* Cold superslabs that one call may include to join two pieces. */
#define PURGE_GAP_SUPERSLABS 64

#define PURGE_BATCH_RANGES   128 /* claimed at a time; 1 KiB of stack */

/* A program that takes purged memory again may exceed its recent peak by 1/PURGE_REFAULT_SHARE, or
 * by the floor; a purge of it leaves all but 1/PURGE_REFAULT_STEP of that. 16 rounds of 64 KiB to 4
 * MiB: 92 -> 35 calls. It is forgotten after PURGE_FORGET_S seconds without. */
#define PURGE_REFAULT_SHARE 4
#define PURGE_REFAULT_STEP  8
#define PURGE_FORGET_S      10

/* ---- Growth (arena.c, growing.c, region.c) ---- */

/* Addresses of the arena: what the option `reserve` may ask for, and by how much a range that does
 * not fit is divided. */
#define RANGE_MIN  (16 * MIB)
#define RANGE_MAX  ((size_t)1 << 46)
#define RANGE_STEP 4

#define HEAPS_MAX  65536 /* 256 MiB of addresses */

/* A metadata array's first step serves FIRST_EXTENT of arena and has FIRST_STEP_MIN bytes; the next
 * one is GROWING_FACTOR times as long: one takes it from 1 to 32 GiB of arena. A program that
 * reaches 10 GiB makes 7 memory calls at the start and 12 to 22 later. */
#define FIRST_EXTENT   (1 * GIB)
#define FIRST_STEP_MIN (64 * KIB)
#define GROWING_FACTOR 32

/* Of what may be mapped ahead of need, the metadata arrays take this share at a time. */
#define GROWING_AHEAD_SHARE 8

/* In a limited process 1/LIMIT_SHARE of the limit may be mapped ahead, and after a refusal
 * 1/REFUSED_SHARE of what is mapped, so that stacks and libraries find room. */
#define LIMIT_SHARE   32
#define REFUSED_SHARE 16

/* ---- Others ---- */

#define LOCK_SPINS        100   /* tries before a thread sleeps; not measured */
#define QUARANTINE_BLOCKS 256   /* check=full: freed blocks that wait */
#define JUNK_MAX_BYTES    65536 /* check=full: of large blocks only the beginning is filled */

#endif
