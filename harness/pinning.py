"""Which processor runs what: with two or more, a single-threaded measured process shares its
processor with no instrument.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Processors:
    """The processors that this process may use, split for measuring.

    everything  all of them, for multi-threaded work
    single      the one for single-threaded work: the highest, as the lowest gets most interrupts
    rest        those for the harness, the sampler and strace meanwhile
    """

    everything: frozenset[int]
    single: frozenset[int]
    rest: frozenset[int]

    def for_threads(self, threads: int) -> frozenset[int]:
        """The processors of a measured process with this many threads."""
        return self.single if threads == 1 else self.everything


def split(available: frozenset[int]) -> Processors:
    """The split of a set of processors; with only one there is nothing to split, and nothing is
    pinned.
    """
    if len(available) < 2:
        return Processors(available, available, available)
    single = frozenset({max(available)})
    return Processors(available, single, available - single)


def processors() -> Processors:
    """The split of what this process is allowed to use now."""
    return split(frozenset(os.sched_getaffinity(0)))
