"""What was counted beside the time of a workload, and which counts go with its differences.

The sentences state what the records show. That two numbers differ together does not say that one
is the other's cause.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from stats import units
from stats.estimates.analysis import Study
from stats.load import CELL
from stats.tables.against_best import against_best
from stats.tidy.labels import Cell, threads_label

TIME = "wall_s"
FACTOR = 1.25  # a counter that differs by less is not named
CLEAR = 1.10  # nor are the counters of two allocators whose times differ by less
MOST = 2  # counters in one sentence
SHARE = 0.1  # a time is named when it makes up this share of the gap in wall time


@dataclass(frozen=True)
class Counter:
    """A column of the workload's table: its metric (the first of `metrics` that was measured), its
    heading, and, where sentences may name it, how, and the difference from which it matters;
    with_ratio where the table shows the ratio to the baseline in brackets.
    """

    metrics: tuple[str, ...]
    heading: str
    noun: str = ""
    matters: float = 0.0
    with_ratio: bool = False

    def measured(self, study: Study) -> str | None:
        """The metric that stands in this column, None where the run has none of them."""
        return next((name for name in self.metrics if study.has(name)), None)


# The differences that matter: 100 calls or faults are some 0.1 ms; a MiB is more than a program's
# own pages. Times have a share of the gap instead.
COUNTERS = (
    Counter((TIME,), "time"),
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
_SMALLEST = {"s": 1e-3, "bytes": 4096.0}  # what a reading of zero is taken for in a ratio; else 1


def columns(study: Study) -> list[tuple[Counter, str]]:
    """The counters that this view has, each with its metric."""
    return [(c, name) for c in COUNTERS if (name := c.measured(study))]


def counter_medians(study: Study) -> pd.DataFrame:
    """Medians of all `columns` by (workload, params, threads, allocator), in the order of the view."""
    index = pd.MultiIndex.from_tuples([], names=[*CELL, "allocator"])
    medians = {name: study.medians(name) for _, name in columns(study)}
    wide = pd.DataFrame(medians) if medians else pd.DataFrame(index=index)
    return study.in_order(wide.rename_axis(index.names).reset_index())


def _value(table: pd.DataFrame, name: str, allocator: str) -> float:
    return float(table[name][allocator])


def _smallest(study: Study, name: str) -> float:
    return _SMALLEST.get(study.metrics[name].unit, 1.0)


def _moves_with_time(table: pd.DataFrame, name: str) -> bool:
    """Whether the ranks of a counter and of time agree more than not, over all contestants."""
    ranks = table[[TIME, name]].rank()
    return len(table) < 3 or float(ranks[TIME].corr(ranks[name])) > 0


def going_with(study: Study, table: pd.DataFrame, slow: str, fast: str) -> list[tuple[float, str]]:
    """(ratio, text) of the counters that are larger with `slow` than with `fast` by FACTOR, matter,
    and rank with time over all of `table` (one cell's medians by contestant); largest ratio first.
    """
    gap = _value(table, TIME, slow) - _value(table, TIME, fast)
    found = []
    for counter, name in columns(study):
        if not counter.noun or name not in table:
            continue
        more, less = _value(table, name, slow), _value(table, name, fast)
        unit = study.metrics[name].unit
        matters = counter.matters or SHARE * gap
        ratio = more / max(less, _smallest(study, name))
        if more - less < matters or not ratio >= FACTOR or not _moves_with_time(table, name):
            continue
        amounts = (
            f"{units.quantity(more, unit)} {counter.noun} against {units.quantity(less, unit)}"
        )
        found.append((float(ratio), amounts))
    return sorted(found, reverse=True)


def _why(study: Study, table: pd.DataFrame, slow: str, fast: str) -> str:
    more, less = _value(table, TIME, slow), _value(table, TIME, fast)
    times = f"{units.quantity(more, 's')} against {units.quantity(less, 's')}"
    start = f"{slow}’s median time is {units.ratio(more / less)} times {fast}’s ({times}); "
    named = [text for _, text in going_with(study, table, slow, fast)[:MOST]]
    if not named:
        return start + f"no counter of this run grows with it by {FACTOR:g} times or more."
    return start + f"this goes with {' and '.join(named)}."


def _leader(study: Study, cell: Cell, fast: str) -> tuple[str, str]:
    """Who is first and by how much: as a sentence, and in short."""
    rows = against_best(study, fast, study.metrics[TIME])
    rows = rows[rows["threads"] == cell[2]]
    if rows.empty:
        return f"{fast} alone has a time.", fast
    row = rows.iloc[0]
    ends = units.interval(row["low"], row["high"])
    doubt = "" if row["high"] < 1 else " The two are not told apart."
    return (
        f"{fast} is first, with {units.ratio(row['ratio'])} {ends} of the time of the next, "
        f"{row['best']}.{doubt}",
        fast if row["high"] < 1 else f"{fast} ≈ {row['best']}",
    )


@dataclass(frozen=True)
class Said:
    """What is said about one cell: its threads, who is first, the sentences, and, for a heading,
    the winner's name (two, joined by ≈, where their interval holds 1).
    """

    threads: str
    winner: str
    sentences: list[str]


def said(study: Study) -> list[Said]:
    """For each cell of one workload's view: who is first and by how much, then what goes with the
    slowest one's time and with the project's own allocator's where it is behind. Cells without
    times of contestants are absent.
    """
    medians = counter_medians(study)
    if TIME not in medians:
        return []
    medians = study.contestants(medians)
    medians = medians[medians[TIME] > 0]
    by_cell = {cell: part.set_index("allocator") for cell, part in medians.groupby(CELL)}
    return [_said(study, cell, by_cell[cell]) for cell in study.cells if cell in by_cell]


def _said(study: Study, cell: Cell, table: pd.DataFrame) -> Said:
    order = list(_by_paired_time(study, cell, table))
    fast, slow = order[0], order[-1]
    own = [a for a in order if study.cast[a].role == "own" and a not in (fast, slow)]
    times = table[TIME]
    behind = [a for a in [slow, *own] if times[a] > CLEAR * times[fast]]
    first, short = _leader(study, cell, fast)
    sentences = [first]
    sentences += [_why(study, table, a, fast) for a in behind]
    if not behind and len(order) > 1:
        sentences.append(f"Nobody is more than {CLEAR - 1:.0%} behind.".replace("%", " %"))
    return Said(threads_label(cell[2]), short, sentences)


def _by_paired_time(study: Study, cell: Cell, table: pd.DataFrame) -> pd.Index:
    """The contestants of a cell by their paired ratio to the baseline, the fastest first; one that
    shares no block with it by its median.
    """
    rows = study.judged[(study.judged["metric"] == TIME) & (study.judged["threads"] == cell[2])]
    paired = rows.set_index("allocator")["ratio"].reindex(table.index)
    base = table[TIME].get(study.baseline, table[TIME].min())
    return paired.fillna(table[TIME] / base).sort_values().index
