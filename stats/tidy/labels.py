"""Short names for measured situations: the workload, and of its parameters only those that vary in
this run.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from stats.load import CELL

Case = tuple[str, str]
Cell = tuple[str, str, int]


def split_params(params: str) -> dict[str, str]:
    """'a=1;b=2' as a dict; a part without '=' is a key with an empty value."""
    pairs = (part.partition("=") for part in params.split(";") if part)
    return {key: value for key, _, value in pairs}


def _short(value: str) -> str:
    """A number of bytes or so in powers of two where it is one: 131072 -> 128Ki."""
    if not value.isdigit() or int(value) < 1024:
        return value
    number, letter = int(value), ""
    for letter_of in ("Ki", "Mi", "Gi"):
        if number % 1024 == 0 and number >= 1024:
            number, letter = number // 1024, letter_of
    return f"{number}{letter}"


def case_labels(cases: Iterable[Case]) -> dict[Case, str]:
    """A label per (workload, params): the workload's name, and where it was run with several
    settings, what differs.
    """
    unique = list(dict.fromkeys(cases))
    by_workload: dict[str, list[Case]] = {}
    for case in unique:
        by_workload.setdefault(case[0], []).append(case)
    labels = {}
    for workload, group in by_workload.items():
        settings = [split_params(params) for _, params in group]
        keys = list(dict.fromkeys(key for setting in settings for key in setting))
        varying = [k for k in keys if len({setting.get(k) for setting in settings}) > 1]
        for case, setting in zip(group, settings, strict=True):
            differing = " ".join(f"{k}={_short(setting[k])}" for k in varying if k in setting)
            labels[case] = f"{workload} {differing}".strip()
    return labels


def threads_label(threads: int) -> str:
    """'1 thread', '4 threads'."""
    return f"{threads} thread" + ("" if threads == 1 else "s")


def cell_labels(table: pd.DataFrame) -> dict[Cell, str]:
    """A label per (workload, params, threads) of `table`, in its order: 'rounds max=1Mi ·16T'."""
    cells = [
        (str(w), str(p), int(t))
        for w, p, t in table[CELL].drop_duplicates().itertuples(index=False)
    ]
    cases = case_labels((w, p) for w, p, _ in cells)
    return {cell: f"{cases[cell[:2]]} · {cell[2]}T" for cell in cells}
