/*
 * Remote frees, explored exhaustively: two heaps, SLOTS slots of BLOCKS blocks, FREERS threads that
 * free blocks of others.
 *
 * Worker 0 allocates, drains, retires and releases slots, then ends, which parks heap 0. Worker 1 does
 * the same on heap 1, steals slots from the parked heap, and sweeps it. Each step that reads or writes
 * what another thread may touch (a word, an owner, a pending stack, a link) is a step of its own; what
 * only the owner sees is done together with the step before.
 *
 * Claims: no block is in two places; a slot is pushed only while it is on no stack; a slot that is
 * released has no chain, is not QUEUED and on no stack; and when all is quiet and both heaps have been
 * drained, every block of every slot is free again and no slot is left FULL: no wake was lost.
 *
 * -DBUG_x plants the bug x; each of them must make the search fail (test_model.py).
 */
#include "protocol.h"

#ifndef SLOTS
#define SLOTS 2
#define BLOCKS 1
#endif
#ifndef FREERS
#define FREERS 2
#endif
#ifndef STEPS
#define STEPS 3
#endif

#define ALL    ((1 << BLOCKS) - 1)
#if SLOTS == 1
#define NOTHING_LIVE (live[1] == 0)
#else
#define NOTHING_LIVE (live[1] == 0 && live[2] == 0)
#endif
#define NOBODY 2

mtype = { UNUSED, CURRENT, FULL, AVAILABLE, EMPTY };

/* Slots count from 1, as in the allocator; 0 is none. */
byte chain[SLOTS + 1];          /* blocks in the word, as a set */
bit queued[SLOTS + 1];          /* QUEUED in the word */
byte owner[SLOTS + 1] = NOBODY; /* ident */
byte link[SLOTS + 1];           /* pending_next */
byte pending[2];                /* heads of the two stacks */
byte rest[2];                   /* taken off them, not drained yet; the owner's */
bool parked[2];

byte unused[SLOTS + 1] = ALL;     /* the owner's free list, as a set */
mtype state[SLOTS + 1] = UNUSED;
byte current[2];
byte live[SLOTS + 1];             /* blocks that the program holds */

bool linked[SLOTS + 1];           /* ghost: on some stack, its link still unread */
byte workers = 2;
byte freers = FREERS;

/* remote_queue: pushes a QUEUED slot on the stack of the owner found. */
inline push(ps) {
    to = owner[ps];
    head = pending[to];
    do
    :: atomic { assert(!linked[ps]); link[ps] = head }
       atomic {
           if
           :: pending[to] == head -> pending[to] = ps; linked[ps] = true; break
           :: else -> head = pending[to]
           fi
       }
    od
}

/* publish: a chain of the set `mask` goes before what the word holds. */
inline publish(us, um) {
    atomic { old = chain[us]; was_queued = queued[us] }
    do
    :: atomic {
           if
           :: chain[us] == old && queued[us] == was_queued ->
              assert((chain[us] & um) == 0);
              chain[us] = chain[us] | um;
              queued[us] = PUBLISH_QUEUED;
              break
           :: else -> old = chain[us]; was_queued = queued[us]
           fi
       }
    od;
    if
    :: PUBLISH_PUSHES(was_queued) -> push(us)
#ifdef BUG_PUSH_ALWAYS
    :: else -> push(us)
#else
    :: else
#endif
    fi
}

inline adopt(as, ag) {
    assert((unused[as] & ag) == 0);
    unused[as] = unused[as] | ag;
    ag = 0
}

/* remote_take: the owner takes the chain early. */
inline take(ts, tg) {
    if
    :: chain[ts] != 0 ->
       atomic {
           tg = chain[ts];
           chain[ts] = TAKE_COUNT;
#ifdef BUG_TAKE_CLEARS_QUEUED
           queued[ts] = 0;
#else
           queued[ts] = TAKE_QUEUED(queued[ts]);
#endif
           adopt(ts, tg)
       }
    :: else
    fi
}

inline release(rs) {
    assert(unused[rs] == ALL && chain[rs] == 0 && !queued[rs] && !linked[rs]);
    state[rs] = UNUSED;
    owner[rs] = NOBODY
}

/* All blocks are free: kept EMPTY, or released. */
inline became_empty(bs) {
    if
    :: state[bs] = EMPTY
    :: release(bs)
    fi
}

/* restate: reads QUEUED, then finds the state that fits. */
inline restate(es) {
#ifdef BUG_RELEASE_QUEUED
    is_empty = (unused[es] == ALL);
#else
    is_empty = (unused[es] == ALL && MAY_RELEASE(queued[es]));
#endif
    atomic {
        assert(state[es] != UNUSED && state[es] != EMPTY);
        if
        :: state[es] == CURRENT
        :: state[es] == FULL && is_empty -> became_empty(es)
        :: state[es] == FULL && !is_empty -> state[es] = AVAILABLE
        :: state[es] == AVAILABLE && is_empty -> became_empty(es)
        :: state[es] == AVAILABLE && !is_empty
        fi;
        is_empty = false
    }
}

/* drain_first: the first slot of what heap h has taken off its stack. */
inline drain_first(dh) {
    slot = rest[dh];
#ifndef BUG_LINK_READ_LATE
    atomic { rest[dh] = link[slot]; linked[slot] = false };
#endif
    if
    :: owner[slot] == dh -> drain_slot(slot)
#ifdef BUG_NO_FORWARD
    :: else
#else
    :: else -> push(slot)
#endif
    fi;
#ifdef BUG_LINK_READ_LATE
    atomic { rest[dh] = link[slot]; linked[slot] = false };
#endif
    slot = 0
}

inline take_stack(xh) {
    if
    :: rest[xh] == 0 && pending[xh] != 0 -> atomic { rest[xh] = pending[xh]; pending[xh] = 0 }
    :: else
    fi
}

/* pool_drain_for, as far as its first slot. */
inline drain_one(wh) {
    take_stack(wh);
    if
    :: rest[wh] != 0 -> drain_first(wh)
    :: else
    fi
}

inline drain_rest(vh) {
    do
    :: rest[vh] == 0 -> break
    :: else -> drain_first(vh)
    od
}

/* pool_drain of heap h, by whoever holds it. */
inline drain(gh) {
    drain_rest(gh);
    take_stack(gh);
    drain_rest(gh)
}

/* remote_drain, then the counts and the state. */
inline drain_slot(ds) {
#ifdef BUG_DRAIN_LOADS_THEN_STORES
    got = chain[ds];
    atomic { chain[ds] = 0; queued[ds] = 0; adopt(ds, got) };
#else
    atomic {
        got = chain[ds];
        chain[ds] = DRAIN_COUNT;
        queued[ds] = DRAIN_QUEUED;
        adopt(ds, got)
    };
#endif
    if
    :: unused[ds] != 0 -> restate(ds)
    :: else
    fi
}

/* The first slot of heap h in a state, or 0. */
inline find(fh, fw) {
    atomic {
        slot = 1;
        do
        :: slot > SLOTS -> slot = 0; break
        :: slot <= SLOTS && owner[slot] == fh && state[slot] == fw -> break
        :: else -> slot++
        od
    }
}

inline use(uh) {
    atomic {
        if
        :: slot != 0 -> state[slot] = CURRENT; current[uh] = slot; slot = 0
        :: else
        fi
    }
}

inline retire(th) {
    atomic {
        state[current[th]] = FULL;
        current[th] = 0
    }
}

/* The current slot gives a block, else one of the others becomes current. */
inline allocate(ah) {
    if
    :: current[ah] != 0 && unused[current[ah]] == 0 ->
       take(current[ah], got);
       if
       :: unused[current[ah]] == 0 -> retire(ah)
       :: else
       fi
    :: else
    fi;
    if
    :: current[ah] == 0 -> find(ah, AVAILABLE); use(ah)
    :: else
    fi;
    if
    :: current[ah] == 0 -> drain_one(ah); find(ah, AVAILABLE); use(ah)
    :: else
    fi;
    if
    :: current[ah] == 0 -> drain(ah); find(ah, AVAILABLE); use(ah)
    :: else
    fi;
    if
    :: current[ah] == 0 -> find(ah, EMPTY); use(ah)
    :: else
    fi;
    if
    :: current[ah] == 0 -> steal(ah, 1 - ah)
    :: else
    fi;
    atomic {
        if
        :: current[ah] == 0 ->
           find(NOBODY, UNUSED);
           if
           :: slot != 0 -> owner[slot] = ah; use(ah)
           :: else
           fi
        :: else
        fi
    };
    atomic {
        if
        :: current[ah] != 0 && unused[current[ah]] != 0 ->
           got = unused[current[ah]] & (-unused[current[ah]]);
           unused[current[ah]] = unused[current[ah]] & ~got;
           live[current[ah]] = live[current[ah]] | got;
           got = 0
        :: else
        fi
    }
}

/* The owner frees a block of its own. */
inline free_own(oh) {
    atomic {
        slot = 1;
        do
        :: slot > SLOTS -> slot = 0; break
        :: slot <= SLOTS && owner[slot] == oh && live[slot] != 0 -> break
        :: else -> slot++
        od;
        if
        :: slot != 0 ->
           got = live[slot] & (-live[slot]);
           live[slot] = live[slot] & ~got;
           adopt(slot, got)
        :: else
        fi
    };
    if
    :: slot != 0 -> restate(slot); slot = 0
    :: else
    fi
}

inline release_empty(lh) {
    atomic {
        find(lh, EMPTY);
        do
        :: slot != 0 -> release(slot); find(lh, EMPTY)
        :: else -> break
        od
    }
}

/* park_sweep: whoever holds a parked heap adopts its remote frees. */
inline sweep(ph) {
    if
    :: atomic { parked[ph] -> parked[ph] = false };
       drain(ph);
       release_empty(ph);
       parked[ph] = true
    :: atomic { !parked[ph] -> skip }
    fi
}

/* park_steal: the same, and an available slot changes its owner. The thief has no current slot. */
inline steal(sh, so) {
    if
    :: atomic { parked[so] -> parked[so] = false };
       drain(so);
       release_empty(so);
       find(so, AVAILABLE);
       atomic {
           if
           :: slot != 0 -> owner[slot] = sh; use(sh)
           :: else
           fi
       };
       parked[so] = true
    :: atomic { !parked[so] -> skip }
    fi
}

inline park(kh) {
    drain(kh);
    if
    :: current[kh] != 0 ->
       atomic { slot = current[kh]; retire(kh) };
       if
       :: unused[slot] != 0 -> restate(slot)
       :: else
       fi;
       slot = 0
    :: else
    fi;
    release_empty(kh);
    parked[kh] = true
}

proctype Worker(byte h) {
    byte slot, got, to, head, step;
    bool is_empty;
    do
    :: step < STEPS ->
       step++;
       if
       :: true -> allocate(h)
       :: true -> free_own(h)
       :: true -> drain(h)
       :: h == 1 -> sweep(0)
       fi
    :: step >= STEPS -> break
    od;
    atomic { step = 0 };
    park(h);
    workers--
}

/* Frees blocks of slots that it does not own, one at a time or a whole slot's at once. */
proctype Freer() {
    byte slot, mask, old, to, head;
    bit was_queued;
    do
    :: atomic {
           slot = 1;
           do
           :: slot < SLOTS -> slot++
           :: live[slot] != 0 -> break
           :: slot == SLOTS && live[slot] == 0 -> slot = 0; break
           od;
           if
           :: slot != 0 && live[slot] != 0 -> mask = live[slot]
           :: slot != 0 && live[slot] != 0 -> mask = live[slot] & (-live[slot])
           :: else -> slot = 0
           fi;
           if
           :: slot != 0 -> live[slot] = live[slot] & ~mask
           :: else
           fi
       };
       if
       :: slot != 0 -> publish(slot, mask); atomic { slot = 0; mask = 0; old = 0; was_queued = 0; to = 0; head = 0 }
       :: else
       fi
    :: atomic { workers == 0 && NOTHING_LIVE -> break }
    od;
    freers--
}

/* When all is quiet: whoever comes next drains both heaps, and finds every block. */
active proctype Quiet() {
    byte slot, got, to, head;
    bool is_empty;
    atomic { workers == 0 && freers == 0 };
    do
    :: pending[0] != 0 -> drain(0)
    :: pending[1] != 0 -> drain(1)
    :: pending[0] == 0 && pending[1] == 0 -> break
    od;
    atomic {
        slot = 1;
        do
        :: slot > SLOTS -> break
        :: else ->
           assert(chain[slot] == 0 && !queued[slot] && !linked[slot]);
           assert(unused[slot] == ALL && live[slot] == 0);
           assert(state[slot] != FULL && state[slot] != CURRENT);
           slot++
        od
    }
}

init {
    byte count;
    atomic {
        run Worker(0);
        run Worker(1);
        do
        :: count < FREERS -> run Freer(); count++
        :: else -> break
        od
    }
}
