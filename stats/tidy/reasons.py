"""Reasons for missing values, many of which differ in a number alone."""

from __future__ import annotations

import re
from collections.abc import Iterable

from stats.units import span

_NUMBER = re.compile(r"\d+")


def merged(reasons: Iterable[str]) -> list[str]:
    """The different reasons; those that differ only in their last number are one, with its range:
    'a mean takes 20 readings, and there are 2 to 9'.
    """
    found: dict[tuple[str, ...], list[int]] = {}
    for reason in dict.fromkeys(reasons):
        *_, last = [None, *_NUMBER.finditer(reason)]
        if last is None:
            found[(reason,)] = []
        else:
            key = reason[: last.start()], reason[last.end() :]
            found.setdefault(key, []).append(int(last.group()))
    return [span(numbers).join(parts) if numbers else parts[0] for parts, numbers in found.items()]
