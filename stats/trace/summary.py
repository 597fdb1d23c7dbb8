"""A program's allocations in a trace: sizes, lifetimes, live bytes, frees by other threads.

An object is one block: a realloc frees one object and allocates the next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stats.trace.trace_file import ACQUIRES, OP_NAMES, THREAD_END, Int64, Trace

LACKING = ("refused", "lost", "torn", "unseen", "unknown")  # counts of what a recording lacks


@dataclass(frozen=True)
class Objects:
    """All objects of a trace, one entry each, in the order in which they were made.

    made, freed  numbers of events; freed is the number of events where nobody freed the object
    size         bytes asked for
    maker, freer threads; freer is -1 where nobody freed it
    """

    made: Int64
    freed: Int64
    size: Int64
    maker: Int64
    freer: Int64

    def was_freed(self) -> np.ndarray:
        """True for objects that the program gave back."""
        return self.freer >= 0


def objects_of(trace: Trace) -> Objects:
    """The objects of a trace."""
    count = len(trace)
    freed_at = np.full(count, count, np.int64)
    releases = np.flatnonzero(trace.maker >= 0)
    freed_at[trace.maker[releases]] = releases
    made = np.flatnonzero(np.isin(trace.op, ACQUIRES))
    freed = freed_at[made]
    freer = np.full(len(made), -1, np.int64)
    freer[freed < count] = trace.thread[freed[freed < count]]
    return Objects(made, freed, trace.size[made], trace.thread[made].astype(np.int64), freer)


def live_bytes(trace: Trace) -> Int64:
    """Live bytes after each event."""
    given_up = np.where(trace.maker >= 0, trace.size[trace.maker], 0)
    live: Int64 = np.cumsum(trace.size - given_up)
    return live


def seconds_of(trace: Trace) -> np.ndarray:
    """The time of each event in seconds since the program's start, interpolated between the marks
    that the recorder set; the number of the event where there are no marks.
    """
    numbers = np.arange(len(trace), dtype=np.float64)
    if len(trace.marks) < 2:
        return numbers
    events, times = trace.marks[:, 0].astype(np.float64), trace.marks[:, 1] * 1e-9
    end = trace.totals["duration_ns"] * 1e-9
    if end > times[-1]:
        events, times = np.append(events, len(trace)), np.append(times, end)
    # chunks of several threads may be slightly out of order
    return np.interp(numbers, events, np.maximum.accumulate(times))


def overview(trace: Trace) -> pd.DataFrame:
    """The trace in a few lines: columns what, value, unit."""
    live = live_bytes(trace)
    calls = np.bincount(trace.op, minlength=len(OP_NAMES))
    crossed = _crossings(objects_of(trace))
    rows: list[tuple[str, float, str]] = [
        ("events", len(trace), "1"),
        *(
            (name, int(calls[op]), "1")
            for op, name in enumerate(OP_NAMES)
            if calls[op] and op != THREAD_END
        ),
        ("threads", trace.totals["threads"], "1"),
        ("time", trace.totals["duration_ns"] or float("nan"), "ns"),
        ("bytes requested", int(trace.size.sum()), "bytes"),
        ("live bytes, peak", int(live.max(initial=0)), "bytes"),
        ("live bytes, end", int(live[-1]) if len(live) else 0, "bytes"),
        ("live objects, peak", trace.totals["live_peak_objects"], "1"),
        ("freed by another thread", int(crossed.sum()), "1"),
    ]
    rows += [
        (f"{name} (recording)", trace.totals[name], "1") for name in LACKING if trace.totals[name]
    ]
    return pd.DataFrame(rows, columns=["what", "value", "unit"])


def sizes(trace: Trace) -> pd.DataFrame:
    """By power of two: columns upto (bytes, included), objects, bytes, and live_at_peak, the bytes
    of that class when the program's live bytes were at their peak.
    """
    objects, live = objects_of(trace), live_bytes(trace)
    peak = int(live.argmax()) if len(live) else 0
    alive = (objects.made <= peak) & (objects.freed > peak)
    power = np.ceil(np.log2(np.maximum(objects.size, 1))).astype(np.int64)
    table = pd.DataFrame(
        {
            "upto": np.where(objects.size > 0, np.int64(1) << power, 0),
            "objects": 1,
            "bytes": objects.size,
            "live_at_peak": np.where(alive, objects.size, 0),
        }
    )
    return table.groupby("upto", as_index=False).sum()


def lifetimes(trace: Trace) -> pd.DataFrame:
    """By power of four of the bytes that the program requested while the object lived, the usual
    clock of allocation studies: columns upto (bytes; infinity: never freed), objects, bytes.
    """
    objects = objects_of(trace)
    requested = np.concatenate([[0], np.cumsum(trace.size)])
    age = requested[objects.freed] - requested[objects.made]
    power = np.ceil(np.log2(np.maximum(age, 1)) / 2)
    upto = np.where(objects.was_freed(), 4.0**power, np.inf)
    table = pd.DataFrame({"upto": upto, "objects": 1, "bytes": objects.size})
    return table.groupby("upto", as_index=False).sum()


def handovers(trace: Trace) -> pd.DataFrame:
    """Objects by the thread that made and the thread that freed them: columns maker, freer,
    objects, bytes; only objects that were freed.
    """
    objects = objects_of(trace)
    freed = objects.was_freed()
    table = pd.DataFrame(
        {
            "maker": objects.maker[freed],
            "freer": objects.freer[freed],
            "objects": 1,
            "bytes": objects.size[freed],
        }
    )
    return table.groupby(["maker", "freer"], as_index=False).sum()


def _crossings(objects: Objects) -> np.ndarray:
    return objects.was_freed() & (objects.freer != objects.maker)
