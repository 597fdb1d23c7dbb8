/* The random numbers of one thread: wyrand (Wang Yi, public domain: a Weyl sequence folded by a
 * 128-bit product). One word of state, about six instructions, passes BigCrush and PractRand; each
 * call gives an independent word, so a size and an entry are drawn by two calls, never from one
 * word. Streams are seeded through SplitMix64's finaliser (Steele, Lea, Flood: "Fast splittable
 * pseudorandom number generators", OOPSLA 2014). */
#pragma once
#include <stdint.h>

__extension__ typedef unsigned __int128 uint128; /* not ISO C, hence the marker */

struct rng {
    uint64_t state;
};

static inline uint64_t rng_mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* The generator of a stream under `seed`: streams start at unrelated points of the sequence. */
static inline struct rng rng_seeded(uint64_t seed, uint64_t stream) {
    return (struct rng){
        rng_mix(rng_mix(seed + 0x9e3779b97f4a7c15u) ^ (stream + 1) * 0xd1342543de82ef95u)};
}

static inline uint64_t rng_next(struct rng *rng) {
    rng->state += 0xa0761d6478bd642fu;
    uint128 product = (uint128)rng->state * (rng->state ^ 0xe7037ed1a0b428dbu);
    return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

/* Uniform in [0, bound); bound 0 gives 0. Multiply-shift (Lemire 2019) without its rejection step:
 * the bias is at most bound / 2^64, which no workload can show. */
static inline uint64_t rng_below(struct rng *rng, uint64_t bound) {
    return (uint64_t)(((uint128)rng_next(rng) * bound) >> 64);
}

/* Uniform in [low, high], both included; low <= high. */
static inline uint64_t rng_between(struct rng *rng, uint64_t low, uint64_t high) {
    return low + rng_below(rng, high - low + 1);
}

/* Uniform in [0, 1) with 53 random bits. */
static inline double rng_unit(struct rng *rng) {
    return (double)(rng_next(rng) >> 11) * 0x1p-53;
}
