"""The positive control: the baseline behind a library that burns a known share of processor time.

A run that cannot tell NAME#slow5 from NAME#slow0 could not have found a difference of 5 per cent
between two allocators either. NAME#slow0 is the same library with nothing to burn, so that the cost
of the detour is on both sides. allocators/reference/slowed.c says how the time is burnt.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from harness.allocators import DERIVED, Allocator

LIBRARY = Path("build") / "libslowed.so"
VARIABLE = "ALLOCLAB_SLOWDOWN"  # per cent
PASSES = ("time",)  # what it burns is time; in other passes it would only take some


def controls_of(
    chosen: Sequence[Allocator], baseline: str, percents: Sequence[float], root: Path
) -> list[Allocator]:
    """The baseline, slowed by nothing and by each of `percents`; none where it is not chosen."""
    base = next((a for a in chosen if a.name == baseline), None)
    if base is None or not percents:
        return []
    return [_slowed(base, percent, root) for percent in (0, *percents)]


def _slowed(base: Allocator, percent: float, root: Path) -> Allocator:
    front = root / LIBRARY
    missing = "" if front.is_file() else f"{LIBRARY} is not built; run: make all"
    return dataclasses.replace(
        base,
        name=f"{base.name}{DERIVED}slow{percent:g}",
        role="control",
        available=base.available and not missing,
        why_not=base.why_not or missing,
        note=f"{base.name} behind {LIBRARY.name}, slowed by {percent:g} %",
        env={**base.env, VARIABLE: f"{percent:g}"},
        front=str(front),
        slowdown=percent / 100,
        passes=PASSES,
    )
