"""From estimates to verdicts: ahead, equivalent, behind, undecided, or not compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from stats.estimates.influence import Matrix
from stats.estimates.procedure import Procedure
from stats.estimates.student import p_outside, quantile

DELTA = 0.02  # the smallest estimated effect that may be claimed, as a relative change
MARGIN = 0.05  # an equivalence says that the difference is certainly smaller than this
MIN_PAIRS = 15  # with fewer pairs nothing is said about a ratio
POWER = 0.8  # with which an effect of the size `detectable` is found

AHEAD, EQUIVALENT, BEHIND, UNDECIDED = "ahead", "equivalent", "behind", "undecided"
NOT_COMPARED = "not compared"
VERDICTS = (AHEAD, EQUIVALENT, BEHIND, UNDECIDED)
CLAIMS = (AHEAD, BEHIND)
CONCLUSIVE = (AHEAD, EQUIVALENT, BEHIND)


@dataclass(frozen=True)
class Limits:
    """Fixed before a run: the smallest effect that may be claimed, and the margin of equivalence."""

    delta: float = DELTA
    margin: float = MARGIN

    @property
    def delta_text(self) -> str:
        """Delta as words that claim something have it beside them: '2 %'."""
        return f"{100 * self.delta:g} %"

    @property
    def margin_text(self) -> str:
        """The margin, likewise."""
        return f"{100 * self.margin:g} %"


@dataclass(frozen=True)
class Decisions:
    """What a procedure decides of one family; an array per column of tables.

    p_adj, p_same  adjusted p of a difference, and of a difference that reaches the margin
    claimed        whether a difference may be claimed
    equivalent     whether an equivalence may
    level          what a single p value was held against in the end
    """

    p_adj: Matrix
    p_same: Matrix
    claimed: npt.NDArray[np.bool_]
    equivalent: npt.NDArray[np.bool_]
    level: Matrix


def conclude(
    effect: Matrix, p: Matrix, p_outside: Matrix, procedure: Procedure, limits: Limits
) -> Decisions:
    """The decisions on one family from log ratios, two-sided p, and p of reaching the margin."""
    p_adj, p_same = procedure.adjusted(p), procedure.adjusted(p_outside)
    with np.errstate(invalid="ignore"):
        claimed = (p_adj < procedure.level) & (np.abs(effect) > np.log1p(limits.delta))
        equivalent = ~claimed & (p_same < procedure.level)
    return Decisions(p_adj, p_same, claimed, equivalent, np.full(len(p), procedure.reached(p_adj)))


def detectable(
    error: Matrix, freedom: Matrix, level: Matrix, delta: float = DELTA, power: float = POWER
) -> Matrix:
    """The true effect, as a relative change, that a two-sided test at `level` claims with `power`.

    A claim takes an estimate beyond both the critical value and delta; to find it with `power`, the
    true effect lies that quantile of t farther out.
    """
    claim = np.maximum(quantile(1 - level / 2, freedom) * error, np.log1p(delta))
    return np.asarray(np.expm1(claim + quantile(power, freedom) * error))


def judged(
    table: pd.DataFrame,
    family: pd.Series,
    lower_is_better: pd.Series,
    procedure: Procedure,
    limits: Limits,
) -> pd.DataFrame:
    """`table` (columns effect, error, freedom, p, n) with p_adj, p_same, level, detectable and verdict.

    `family` names the family of each row; a row with fewer than MIN_PAIRS pairs, or without a
    family (NaN), is not tested. A row without family gets an empty verdict.
    """
    columns: dict[str, Matrix] = {
        name: np.full(len(table), np.nan) for name in ("p_adj", "p_same", "level", "detectable")
    }
    verdict = np.full(len(table), UNDECIDED, dtype=object)
    enough = (table["n"] >= MIN_PAIRS).to_numpy()
    numbers = {c: table[c].to_numpy(float) for c in ("effect", "error", "freedom", "p")}
    better = (numbers["effect"] < 0) == lower_is_better.to_numpy(bool)
    for _, places in family[enough].groupby(family[enough]).indices.items():
        rows = np.flatnonzero(enough)[places]
        parts = {name: values[rows] for name, values in numbers.items()}
        e, error, freedom = (parts[c] for c in ("effect", "error", "freedom"))
        outside = p_outside(e, error, freedom, float(np.log1p(limits.margin)))
        found = conclude(e, parts["p"], outside, procedure, limits)
        for name in ("p_adj", "p_same", "level"):
            columns[name][rows] = getattr(found, name)
        columns["detectable"][rows] = detectable(error, freedom, found.level, limits.delta)
        claim = np.where(better[rows], AHEAD, BEHIND)
        words = np.where(found.equivalent, EQUIVALENT, UNDECIDED)
        verdict[rows] = np.where(found.claimed, claim, words)
    verdict[~enough] = NOT_COMPARED
    verdict[family.isna().to_numpy()] = ""
    return table.assign(**columns, verdict=verdict)
