"""The counters of a workload's table, and sentences about those that differ together with time.

The sentences state what the records show: that two values differ together does not make one the
cause of the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from stats import units
from stats.estimates.analysis import Analysis
from stats.estimates.best_other import Leader, leaders
from stats.estimates.verdict import AHEAD, EQUIVALENT, MIN_PAIRS, NOT_COMPARED, Limits
from stats.frames import each
from stats.tidy.labels import Case, threads_label
from stats.tidy.run import CASE

TIME = "wall_s"
FACTOR = 1.25  # a counter with a smaller ratio is not named
CLEAR = 1.10  # nor are counters of allocators whose time is not surely larger by this
MOST = 2  # counters in one sentence
SHARE = 0.1  # user or system time is named from this share of the difference in wall time


@dataclass(frozen=True)
class Counter:
    """A column of the workload's table.

    metrics     the first of these that was measured is shown
    noun        what a sentence calls it; "" for a counter that sentences do not name
    matters     the smallest difference that a sentence names; 0: SHARE of the difference in time
    with_ratio  whether the table adds the ratio to the baseline in brackets
    """

    metrics: tuple[str, ...]
    heading: str
    noun: str = ""
    matters: float = 0.0
    with_ratio: bool = False

    def measured(self, analysis: Analysis) -> str | None:
        """The metric of this column; None where the run has none of them."""
        return next((name for name in self.metrics if analysis.has(name)), None)


# 100 calls or faults take some 0.1 ms; a MiB is more than the pages of the program itself.
COUNTERS = (
    Counter((TIME,), "time"),
    Counter(("first_round_s",), "first round"),
    Counter(("steady_round_s",), "steady round"),
    Counter(("user_s",), "user", "of user time"),
    Counter(("sys_s",), "system", "of system time"),
    Counter(
        ("kernel_memory_calls_net", "kernel_memory_calls"),
        "kernel calls",
        "kernel memory calls",
        100,
    ),
    Counter(("minor_faults",), "page faults", "page faults", 100, True),
    Counter(("footprint_peak_bytes",), "peak footprint", "of peak footprint", 2**20, True),
    Counter(("footprint_mean_bytes",), "mean footprint", "of mean footprint", 2**20),
    Counter(("fragmentation_mean",), "footprint / live"),
    Counter(("request_ns_p99.9", "malloc_ns_p99.9"), "p99.9"),
    Counter(("instructions", "hw_instructions"), "instructions", "instructions", 1e6),
    Counter(("cache_misses",), "cache misses", "cache misses", 1e4),
    Counter(("dtlb_misses",), "TLB misses", "TLB misses", 1e4),
)
_SMALLEST = {"s": 1e-3, "bytes": 4096.0}  # by unit, else 1: replaces a value of zero in a ratio


def columns(analysis: Analysis) -> list[tuple[Counter, str]]:
    """The counters that this view has values of, each with its metric."""
    return [(c, name) for c in COUNTERS if (name := c.measured(analysis))]


def counter_medians(analysis: Analysis) -> pd.DataFrame:
    """Medians of all `columns` by (workload, params, threads, allocator), in the order of the view."""
    index = pd.MultiIndex.from_tuples([], names=[*CASE, "allocator"])
    medians = {name: analysis.medians(name) for _, name in columns(analysis)}
    wide = pd.DataFrame(medians) if medians else pd.DataFrame(index=index)
    return analysis.in_order(wide.rename_axis(index.names).reset_index())


def _value(table: pd.DataFrame, name: str, allocator: str) -> float:
    return float(table[name][allocator])


def _smallest(analysis: Analysis, name: str) -> float:
    return _SMALLEST.get(analysis.metrics[name].unit, 1.0)


def _moves_with_time(table: pd.DataFrame, name: str) -> bool:
    """Whether the rank correlation of a counter with time over all contestants is positive."""
    ranks = table[[TIME, name]].rank()
    return len(table) < 3 or float(ranks[TIME].corr(ranks[name])) > 0


def differing_with_time(
    analysis: Analysis, table: pd.DataFrame, slow: str, fast: str
) -> list[tuple[float, str]]:
    """(ratio, text) of the counters that are larger with `slow` than with `fast` by FACTOR, matter,
    and rank with time over all of `table` (one case's medians by contestant); largest ratio first.
    """
    gap = _value(table, TIME, slow) - _value(table, TIME, fast)
    found = []
    for counter, name in columns(analysis):
        if not counter.noun or name not in table:
            continue
        more, less = _value(table, name, slow), _value(table, name, fast)
        unit = analysis.metrics[name].unit
        matters = counter.matters or SHARE * gap
        ratio = more / max(less, _smallest(analysis, name))
        if more - less < matters or not ratio >= FACTOR or not _moves_with_time(table, name):
            continue
        amounts = (
            f"{units.quantity(more, unit)} {counter.noun} against {units.quantity(less, unit)}"
        )
        found.append((float(ratio), amounts))
    return sorted(found, reverse=True)


def _slower_sentence(analysis: Analysis, table: pd.DataFrame, slow: Any, fast: str) -> str:
    times = f"{units.quantity(slow.value, 's')} against {units.quantity(slow.base, 's')}"
    ratio = f"{units.ratio(slow.ratio)} {units.interval(slow.low, slow.high)} (95 %)"
    start = f"{slow.allocator} takes {ratio} times the wall time of {fast} ({times}); "
    found = differing_with_time(analysis, table, slow.allocator, fast)
    named = [text for _, text in found[:MOST]]
    if not named:
        return start + f"no counter of this run is also {FACTOR:g} times larger."
    return start + f"this goes with {' and '.join(named)}."


def _leader_texts(leader: Leader, limits: Limits) -> tuple[str, str]:
    """Who is fastest, as a sentence and for a heading, by the verdict."""
    above, within = f"above {limits.delta_text}", f"within {limits.margin_text}"
    name, row = leader.allocator, leader.row
    other, ends = row["best"], units.interval(row["low"], row["high"])
    numbers = (
        f"{units.ratio(row['ratio'])} {ends} (95 %) times the wall time of the best other ({other})"
    )
    if row["verdict"] == AHEAD:
        return f"{name} is ahead of all others ({above}): {numbers}.", f"{name} ahead ({above})"
    if row["verdict"] == EQUIVALENT:
        sentence = f"{name} is equivalent to the best other ({within}): {numbers}."
        return sentence, f"{name} = {other} ({within})"
    return (
        f"Which allocator is fastest is undecided; {name} looks it: {numbers}.",
        f"undecided ({name}, {other})",
    )


@dataclass(frozen=True)
class CaseText:
    """The text about one case: its threads, what a heading says of the fastest allocator, and the
    sentences.
    """

    threads: str
    fastest: str
    sentences: list[str]


def leaders_in_time(analysis: Analysis) -> dict[Case, Leader]:
    """The contestant that looks fastest in each case of the whole run, with its verdict."""
    contestants = [a.name for a in analysis.allocators.values() if a.is_contestant]
    if not analysis.has(TIME):
        return {}
    return leaders(analysis.compared, contestants, analysis.metrics[TIME], analysis.limits)


def case_texts(analysis: Analysis, found: dict[Case, Leader]) -> list[CaseText]:
    """For each case of one workload setting: the fastest allocator, then the counters that differ
    together with the time of the slowest one and of the project's own where it is slower. `found` is
    what `leaders_in_time` gives for the run. Cases without times of two contestants are absent.
    """
    medians = counter_medians(analysis)
    if TIME not in medians:
        return []
    medians = analysis.contestants(medians)
    by_case = {case: part.set_index("allocator") for case, part in medians.groupby(CASE)}
    return [
        _case_text(analysis, case, by_case[case], found[case])
        for case in analysis.cases
        if case in by_case and case in found
    ]


def _case_text(analysis: Analysis, case: Case, table: pd.DataFrame, leader: Leader) -> CaseText:
    threads = threads_label(case[2])
    if leader.row["verdict"] == NOT_COMPARED:
        text = f"Times are not compared: that takes {MIN_PAIRS} replicates."
        return CaseText(threads, NOT_COMPARED, [text])
    others = leader.others[leader.others["n"] >= MIN_PAIRS].sort_values("ratio", ascending=False)
    own = others["allocator"].map(lambda name: analysis.allocators[name].role == "own")
    named = [*each(others.head(1)), *each(others[own & (others.index != others.index[0])])]
    sentence, short = _leader_texts(leader, analysis.limits)
    sentences = [sentence]
    sentences += [
        _slower_sentence(analysis, table, slow, leader.allocator)
        for slow in named
        if slow.low > CLEAR
    ]
    return CaseText(threads, short, sentences)
