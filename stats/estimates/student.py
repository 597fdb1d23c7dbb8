"""Tests and intervals of Student's t from effects, their errors and degrees of freedom."""

from __future__ import annotations

import numpy as np
from scipy import special

from stats.estimates.influence import Matrix

_ROUNDING = 1e-12  # a relative spread below this comes from rounding


def quantile(probability: Matrix | float, freedom: Matrix) -> Matrix:
    """Student's t; NaN without degrees of freedom."""
    with np.errstate(invalid="ignore"):
        return np.asarray(special.stdtrit(np.where(freedom > 0, freedom, np.nan), probability))


def p_above(effect: Matrix, error: Matrix, freedom: Matrix, bound: float = 0.0) -> Matrix:
    """One-sided p of effects at or below `bound`: small where the effect is surely above it.

    An effect without spread (error 0) is certain: p is 0 above the bound, else 1.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = effect - bound
        p = special.stdtr(np.where(freedom > 0, freedom, np.nan), -distance / error)
        certain = error <= _ROUNDING * np.abs(effect)
    return np.where(certain, np.where(distance > 0, 0.0, 1.0), p)


def p_below(effect: Matrix, error: Matrix, freedom: Matrix, bound: float = 0.0) -> Matrix:
    """One-sided p of effects at or above `bound`."""
    return p_above(-effect, error, freedom, -bound)


def p_different(effect: Matrix, error: Matrix, freedom: Matrix) -> Matrix:
    """Two-sided p of an effect of 0."""
    one_sided = np.minimum(p_above(effect, error, freedom), p_below(effect, error, freedom))
    return np.minimum(1.0, 2 * one_sided)


def p_outside(effect: Matrix, error: Matrix, freedom: Matrix, bound: float) -> Matrix:
    """p of an effect that is at least `bound` in size: the larger of two one-sided tests (Schuirmann,
    Journal of Pharmacokinetics and Biopharmaceutics 15, 1987).
    """
    return np.maximum(
        p_below(effect, error, freedom, bound), p_above(effect, error, freedom, -bound)
    )
