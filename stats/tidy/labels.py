"""Short labels of cases: the workload, those of its parameters that vary in the run, the threads."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from stats.tidy.run import CASE

Setting = tuple[str, str]  # workload, params
Case = tuple[str, str, int]  # workload, params, threads


def split_params(params: str) -> dict[str, str]:
    """'a=1;b=2' as a dict; a part without '=' is a key with an empty value."""
    pairs = (part.partition("=") for part in params.split(";") if part)
    return {key: value for key, _, value in pairs}


def _short(value: str) -> str:
    """A multiple of a power of two in its unit, 131072 -> 128Ki; anything else as it is."""
    if not value.isdigit() or int(value) < 1024:
        return value
    number, letter = int(value), ""
    for letter_of in ("Ki", "Mi", "Gi"):
        if number % 1024 == 0 and number >= 1024:
            number, letter = number // 1024, letter_of
    return f"{number}{letter}"


def setting_labels(settings: Iterable[Setting]) -> dict[Setting, str]:
    """A label per (workload, params): the workload's name, and the parameters in which its settings
    differ.
    """
    by_workload: dict[str, list[Setting]] = {}
    for setting in dict.fromkeys(settings):
        by_workload.setdefault(setting[0], []).append(setting)
    labels = {}
    for workload, group in by_workload.items():
        values = [split_params(params) for _, params in group]
        keys = list(dict.fromkeys(key for params in values for key in params))
        varying = [k for k in keys if len({params.get(k) for params in values}) > 1]
        for setting, params in zip(group, values, strict=True):
            differing = " ".join(f"{k}={_short(params[k])}" for k in varying if k in params)
            labels[setting] = f"{workload} {differing}".strip()
    return labels


def threads_label(threads: int) -> str:
    """'1 thread', '4 threads'."""
    return f"{threads} thread" + ("" if threads == 1 else "s")


def case_labels(table: pd.DataFrame) -> dict[Case, str]:
    """A label per (workload, params, threads) of `table`, in its order: 'rounds max=1Mi · 16T'."""
    cases = [
        (str(w), str(p), int(t))
        for w, p, t in table[CASE].drop_duplicates().itertuples(index=False)
    ]
    settings = setting_labels((w, p) for w, p, _ in cases)
    return {case: f"{settings[case[:2]]} · {case[2]}T" for case in cases}
