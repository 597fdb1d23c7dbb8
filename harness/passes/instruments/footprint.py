"""From the samples of one process to its memory metrics. Footprint is Rss - LazyFree; see
docs/method.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.passes.instruments.live_file import MEASURED
from harness.passes.instruments.sampler import Sample

# While almost nothing is live, footprint / live is a ratio over a vanishing base; such moments do
# not count.
LIVE_FLOOR = 0.05  # share of the peak of live bytes

TOO_FEW = "the process was too short for two samples; give the memory pass more rounds"


@dataclass(frozen=True)
class Point:
    """Footprint and live bytes at t_s seconds; live is None for programs that do not report it."""

    t_s: float
    footprint: int
    live: int | None


def points(samples: Sequence[Sample]) -> list[Point]:
    """The measured region's samples; LazyFree, which is read less often than Rss, holds until it is
    read again.
    """
    result = []
    lazyfree = 0
    for sample in samples:
        if sample.lazyfree_bytes is not None:
            lazyfree = sample.lazyfree_bytes
        if sample.phase == MEASURED:
            footprint = max(sample.rss_bytes - lazyfree, 0)
            result.append(Point(sample.at_ns / 1e9, footprint, sample.live_bytes))
    return result


def time_mean(times: Sequence[float], values: Sequence[float]) -> float:
    """The mean of a piecewise linear curve over its time (trapezoids); needs two points and rising
    times.
    """
    corners = pairwise(zip(times, values, strict=True))
    area = sum((t1 - t0) * (v0 + v1) / 2 for (t0, v0), (t1, v1) in corners)
    return area / (times[-1] - times[0])


def metrics(
    samples: Sequence[Sample], wall_s: float, live_peak: int | None, own_bytes: int = 0
) -> tuple[dict[str, float], dict[str, str]]:
    """Memory metrics, and the reasons for those that cannot be given.

    wall_s is the length of the measured region; live_peak the peak of live bytes as memtest itself
    counted it; own_bytes the resident size of memtest's own tables, which no allocator
    causes: they count in the footprint, but not in its ratios to live bytes.
    """
    found: dict[str, float] = {"samples": len(samples)}
    for name, values in (
        ("vma_peak", [s.vmas for s in samples if s.vmas is not None]),
        ("anon_huge_bytes", [s.anon_huge_bytes for s in samples if s.anon_huge_bytes is not None]),
        ("lazyfree_bytes", [s.lazyfree_bytes for s in samples if s.lazyfree_bytes is not None]),
    ):
        if values:
            found[name] = max(values)
    curve = points(samples)
    if len(curve) < 2 or curve[-1].t_s <= curve[0].t_s:
        names = ("footprint_mean_bytes", "footprint_byte_s", "footprint_peak_bytes")
        return found, dict.fromkeys(names, TOO_FEW)
    times = [p.t_s for p in curve]
    mean = time_mean(times, [p.footprint for p in curve])
    found["footprint_mean_bytes"] = mean
    found["footprint_byte_s"] = mean * wall_s
    found["footprint_peak_bytes"] = peak = max(p.footprint for p in curve)
    if live_peak:
        found["live_peak_bytes"] = live_peak
        found["fragmentation_peak"] = max(peak - own_bytes, 0) / live_peak
        found |= _over_live(curve, times, live_peak, own_bytes)
    return found, {}


def _over_live(
    curve: Sequence[Point], times: Sequence[float], live_peak: int, own_bytes: int
) -> dict[str, float]:
    found: dict[str, float] = {"live_mean_bytes": time_mean(times, [p.live or 0 for p in curve])}
    # Each point stands for half of the gap before it and half of the gap after it.
    edges = [times[0], *((a + b) / 2 for a, b in pairwise(times)), times[-1]]
    weighted = [
        (edges[i + 1] - edges[i], max(p.footprint - own_bytes, 0) / p.live)
        for i, p in enumerate(curve)
        if p.live and p.live >= LIVE_FLOOR * live_peak
    ]
    weight = sum(w for w, _ in weighted)
    if weight > 0:
        found["fragmentation_mean"] = sum(w * ratio for w, ratio in weighted) / weight
    return found
