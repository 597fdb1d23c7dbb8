"""From readings of one process's memory to its memory metrics. Footprint is Rss - LazyFree; see
docs/method.md.

memtest reads its own memory at fixed counts of operations (--footprint), so that means compare
allocators over the same work. Of other programs there are the sampler's readings, over time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from common.readings import FEWEST, too_few
from harness.passes.instruments.live_file import MEASURED
from harness.passes.instruments.sampler import Sample

# While almost nothing is live, footprint / live is a ratio over a vanishing base; such moments do
# not count.
LIVE_FLOOR = 0.05  # share of the peak of live bytes

MEANS = ("footprint_mean_bytes", "live_mean_bytes", "fragmentation_mean")
PEAKS_MISSING = "is the largest of the readings; shorter peaks are missing"

Found = tuple[dict[str, float], dict[str, str]]  # metrics; reasons for what they lack


@dataclass(frozen=True)
class Point:
    """One reading: seconds since the measured region began, operations so far (None: by the
    sampler), bytes. lazyfree and live are None where they were not read.
    """

    t_s: float
    ops: int | None
    rss: int
    lazyfree: int | None
    live: int | None

    @property
    def footprint(self) -> int:
        """Rss - LazyFree; unread LazyFree is none."""
        return max(self.rss - (self.lazyfree or 0), 0)


def sampled(samples: Sequence[Sample], start_ns: int = 0) -> list[Point]:
    """The sampler's readings of the measured region; LazyFree, which is read less often than Rss,
    holds until it is read again.
    """
    result = []
    lazyfree = 0
    for sample in samples:
        if sample.lazyfree_bytes is not None:
            lazyfree = sample.lazyfree_bytes
        if sample.phase == MEASURED:
            t_s = (sample.at_ns - start_ns) / 1e9
            result.append(Point(t_s, None, sample.rss_bytes, lazyfree, sample.live_bytes))
    return result


def over_work(end: Mapping[str, Any]) -> list[Point]:
    """memtest's own readings, from its end record; none where it could not read."""
    curve = end.get("curve")
    if not isinstance(curve, list):
        return []
    return [
        Point(t_s, ops, rss, None if lazyfree < 0 else lazyfree, live)
        for ops, t_s, rss, lazyfree, live in curve
    ]


def mean(places: Sequence[float], values: Sequence[float]) -> float:
    """The mean of a piecewise linear curve over its places (trapezoids); needs two that differ."""
    corners = pairwise(zip(places, values, strict=True))
    area = sum((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in corners)
    return area / (places[-1] - places[0])


def extremes(samples: Sequence[Sample]) -> dict[str, float]:
    """The largest values of what only the sampler reads, and how often it looked."""
    found: dict[str, float] = {"samples": len(samples)}
    for name, values in (
        ("vma_peak", [s.vmas for s in samples if s.vmas is not None]),
        ("anon_huge_bytes", [s.anon_huge_bytes for s in samples if s.anon_huge_bytes is not None]),
        ("lazyfree_bytes", [s.lazyfree_bytes for s in samples if s.lazyfree_bytes is not None]),
    ):
        if values:
            found[name] = max(values)
    return found


def of_memtest(samples: Sequence[Sample], start_ns: int, end: Mapping[str, Any]) -> Found:
    """Metrics of the measured region of memtest, from its end record and the sampler."""
    work, seen = over_work(end), sampled(samples, start_ns)
    every = sorted([*work, *seen], key=lambda point: point.t_s)
    found = extremes(samples)
    found["lazyfree_bytes"] = max([found.get("lazyfree_bytes", 0), *_lazyfree(work)])
    for name in ("footprint_readings", "footprint_reading_s", "own_bytes", "live_peak_bytes"):
        if name in end:
            found[name] = end[name]
    mark = end.get("rss_high_water_bytes", "memtest was started without --footprint")
    reason = f"the kernel's high-water mark could not be had: {mark}"
    peaks, missing = peak(every, mark if isinstance(mark, int) else None, reason)
    found |= peaks
    if work:  # the last reading comes right after the last free
        found["rss_after_free_0s_bytes"] = work[-1].footprint
    own, live_peak = end.get("own_bytes", 0), end.get("live_peak_bytes", 0)
    if live_peak and "footprint_peak_bytes" in peaks:
        over_own = max(peaks["footprint_peak_bytes"] - own, 0)
        found["fragmentation_peak"] = over_own / live_peak
    if len(work) < FEWEST or work[-1].ops == work[0].ops:
        missing |= dict.fromkeys(MEANS, too_few(len(work)))
    else:
        found |= _means(work, [float(p.ops or 0) for p in work], own, live_peak)
    return found | byte_seconds(every, end.get("wall_s", 0), missing), missing


def of_program(samples: Sequence[Sample], wall_s: float, mark: int, hidden: str) -> Found:
    """Metrics of any other program, from the sampler; `hidden` says why its mark may be too low."""
    every = sampled(samples)
    found = extremes(samples)
    peaks, missing = peak(every, mark, "")
    if hidden:
        missing |= dict.fromkeys(peaks, hidden)
    found |= peaks
    if len(every) < FEWEST:
        missing["footprint_mean_bytes"] = too_few(len(every))
    else:
        times = [p.t_s for p in every]
        found["footprint_mean_bytes"] = mean(times, [p.footprint for p in every])
    return found | byte_seconds(every, wall_s, missing), missing


def peak(points: Sequence[Point], mark: int | None, reason: str) -> Found:
    """The peak of the footprint, and the kernel's high-water mark.

    The kernel counts in batches of some pages for each processor, so a reading may exceed its mark.
    Pages given up by MADV_FREE are part of the mark; where there were none the mark is the peak of
    the footprint, else the peak is known to lie between the largest reading and the mark.
    """
    found: dict[str, float] = {}
    if mark is not None:
        found["rss_high_water_bytes"] = max([mark, *(p.rss for p in points)])
        if not any(_lazyfree(points)):
            return found | {"footprint_peak_bytes": found["rss_high_water_bytes"]}, {}
    missing = {} if mark is not None else {"rss_high_water_bytes": reason}
    if points:
        found["footprint_peak_bytes"] = max(p.footprint for p in points)
    if mark is None:
        missing["footprint_peak_bytes"] = f"{PEAKS_MISSING}, as {reason}"
    return found, missing


def byte_seconds(
    points: Sequence[Point], wall_s: float, missing: dict[str, str]
) -> dict[str, float]:
    """The footprint integrated over time, or a reason in `missing`."""
    times = [p.t_s for p in points]
    if len(points) < FEWEST or times[-1] <= times[0]:
        missing["footprint_byte_s"] = too_few(len(points))
        return {}
    return {"footprint_byte_s": wall_s * mean(times, [p.footprint for p in points])}


def _lazyfree(points: Sequence[Point]) -> list[int]:
    return [p.lazyfree for p in points if p.lazyfree is not None]


def _means(
    curve: Sequence[Point], places: Sequence[float], own_bytes: int, live_peak: int
) -> dict[str, float]:
    found = {"footprint_mean_bytes": mean(places, [p.footprint for p in curve])}
    if not live_peak:
        return found
    found["live_mean_bytes"] = mean(places, [p.live or 0 for p in curve])
    # Each point stands for half of the gap before it and half of the gap after it.
    edges = [places[0], *((a + b) / 2 for a, b in pairwise(places)), places[-1]]
    weighted = [
        (edges[i + 1] - edges[i], max(p.footprint - own_bytes, 0) / p.live)
        for i, p in enumerate(curve)
        if p.live and p.live >= LIVE_FLOOR * live_peak
    ]
    weight = sum(w for w, _ in weighted)
    if weight > 0:
        found["fragmentation_mean"] = sum(w * ratio for w, ratio in weighted) / weight
    return found
