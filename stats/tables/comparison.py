"""Two runs of one experiment: do their verdicts agree, and have ratios changed?"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import stats

from stats import units
from stats.estimates.analysis import Analysis
from stats.estimates.verdict import CLAIMS, CONCLUSIVE, MIN_PAIRS
from stats.tables.table import Table, legend
from stats.tidy.run import CASE

KEY = ["metric", *CASE, "allocator"]
AGREE, CONFLICT, ONLY_A, ONLY_B, NEITHER = "agree", "conflict", "only A", "only B", "neither"
_COLUMNS = ["n", "value", "effect", "error", "freedom", "ratio", "low", "high", "verdict"]


def _outcome(row: pd.Series, margin: float) -> str:
    a, b = row["verdict_a"], row["verdict_b"]
    if a in CONCLUSIVE and b in CONCLUSIVE:
        return AGREE if a == b or _claim_inside(row, margin) else CONFLICT
    return ONLY_A if a in CONCLUSIVE else ONLY_B if b in CONCLUSIVE else NEITHER


def _claim_inside(row: pd.Series, margin: float) -> bool:
    """Whether one run claims a difference and the other an equivalence, and the interval of the claim
    reaches into the margin: both can be true.
    """
    claims = [x for x in "ab" if row[f"verdict_{x}"] in CLAIMS]
    if len(claims) != 1:
        return False
    low, high = row[f"low_{claims[0]}"], row[f"high_{claims[0]}"]
    return bool(low < 1 + margin and high > 1 / (1 + margin))


def _change(table: pd.DataFrame) -> pd.DataFrame:
    """change = ratio_b / ratio_a with a 95 % interval, degrees of freedom after Welch and
    Satterthwaite.
    """
    variance_a, variance_b = table["error_a"] ** 2, table["error_b"] ** 2
    error = np.sqrt(variance_a + variance_b)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = variance_a**2 / table["freedom_a"] + variance_b**2 / table["freedom_b"]
        freedom = np.where(parts > 0, error**4 / parts, 1.0)
    half = stats.t.ppf(0.975, freedom) * error
    shift = table["effect_b"] - table["effect_a"]
    ends = {"change": shift, "change_low": shift - half, "change_high": shift + half}
    return table.assign(**{name: np.exp(log) for name, log in ends.items()})


def compare(a: Analysis, b: Analysis, metrics: list[str]) -> pd.DataFrame:
    """One row per metric, case and contestant that both runs have: both estimates (_a, _b),
    `outcome` and the change.

    `outcome` is agree or conflict where both runs have a conclusive verdict (ahead, equivalent,
    behind), else it says which run has one. A claim agrees with an equivalence where the claimed
    difference may lie within the margin.
    """
    chosen = []
    for analysis in (a, b):
        rows = analysis.estimates[analysis.estimates["metric"].isin(metrics)]
        chosen.append(analysis.contestants(rows).set_index(KEY)[_COLUMNS])
    both = chosen[0].join(chosen[1], lsuffix="_a", rsuffix="_b", how="inner")
    outcomes = [_outcome(row, a.limits.margin) for _, row in both.iterrows()]
    return _change(both.assign(outcome=outcomes)).reset_index()


def comparison_table(a: Analysis, b: Analysis, metric: str) -> Table:
    """`compare` for one metric, with the values of run A and run B."""
    raw = a.in_order(compare(a, b, [metric]))
    cases = raw[CASE].itertuples(index=False, name=None)
    least = raw[["n_a", "n_b"]].min(axis=1)
    moved = zip(raw["change_low"], raw["change_high"], strict=True)
    frame = pd.DataFrame(
        {
            "workload · threads": [a.cases.get(case, case[0]) for case in cases],
            "allocator": raw["allocator"].to_numpy(),
            "A": [a.text(metric, v) for v in raw["value_a"]],
            "B": [b.text(metric, v) for v in raw["value_b"]],
            "pairs A": raw["n_a"].astype(str).to_numpy(),
            "pairs B": raw["n_b"].astype(str).to_numpy(),
            "ratio A": _if_compared(raw["n_a"], map(units.ratio, raw["ratio_a"])),
            "ratio B": _if_compared(raw["n_b"], map(units.ratio, raw["ratio_b"])),
            "B / A": _if_compared(least, map(units.ratio, raw["change"])),
            "95 % interval": _if_compared(least, (units.interval(*ends) for ends in moved)),
            "verdict A": raw["verdict_a"].to_numpy(),
            "verdict B": raw["verdict_b"].to_numpy(),
            "outcome": raw["outcome"].to_numpy(),
        }
    )
    title = f"{metric}: ratios to {a.baseline}, run A and run B"
    return Table(
        f"compare_{metric}", title, frame, raw, [_sentence(raw), legend(a.limits)], text_columns=2
    )


def _if_compared(pairs: pd.Series, texts: Iterable[str]) -> list[str]:
    """A dash in the place of a ratio of fewer than MIN_PAIRS pairs."""
    return [text if n >= MIN_PAIRS else "–" for n, text in zip(pairs, texts, strict=True)]


def _sentence(raw: pd.DataFrame) -> str:
    raw = raw[raw[["n_a", "n_b"]].min(axis=1) >= MIN_PAIRS]
    counts = raw["outcome"].value_counts()
    sure = int(counts.get(AGREE, 0) + counts.get(CONFLICT, 0))
    moved = int(((raw["change_low"] > 1) | (raw["change_high"] < 1)).sum())
    agreed, only_a, only_b = (counts.get(outcome, 0) for outcome in (AGREE, ONLY_A, ONLY_B))
    return (
        f"Both runs have a conclusive verdict in {sure} of {len(raw)} rows and agree in {agreed}; "
        f"only A has one in {only_a}, only B in {only_b}. "
        f"In {moved} rows the ratio changed: its 95 % interval, not adjusted, excludes no change."
    )
