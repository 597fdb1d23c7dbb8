"""Pairs inside blocks."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from stats.load import TIDY_COLUMNS
from stats.metrics import registry
from stats.pairing import Pairing, home_values


def table(*rows: tuple[int, str, float]) -> pd.DataFrame:
    """(block, allocator, value) rows of wall_s as a tidy table."""
    filled = [
        (f"r{i}", b, a, "w", "", 1, "time", "wall_s", v, "s") for i, (b, a, v) in enumerate(rows)
    ]
    return pd.DataFrame(filled, columns=TIDY_COLUMNS)


def test_pairs_are_made_inside_their_block() -> None:
    pairs = Pairing("base")(table((0, "base", 1.0), (0, "x", 2.0), (1, "base", 4.0), (1, "x", 2.0)))
    assert list(pairs["d"]) == pytest.approx([math.log(2), math.log(0.5)])


def test_a_block_in_which_one_is_missing_gives_no_pair() -> None:
    pairs = Pairing("base")(table((0, "base", 1.0), (1, "x", 2.0), (2, "base", 1.0), (2, "x", 3.0)))
    assert list(pairs["block"]) == [2]


def test_a_zero_has_no_logarithm_and_gives_no_pair() -> None:
    assert Pairing("base")(table((0, "base", 0.0), (0, "x", 2.0))).empty


def test_the_copy_is_paired_with_its_original_and_not_the_baseline() -> None:
    rows = table((0, "base", 1.0), (0, "x", 2.0), (0, "x#2", 2.0))
    assert list(Pairing("base", twins=True)(rows)["d"]) == [0.0]
    assert set(Pairing("base")(rows)["allocator"]) == {"x", "x#2"}


def test_only_the_home_pass_is_believed() -> None:
    rows = table((0, "base", 1.0), (0, "x", 2.0))
    other = rows.assign(**{"pass": "memory"})
    both = pd.concat([rows, other])
    assert len(home_values(both, registry())) == 2
