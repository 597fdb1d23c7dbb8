"""stats/ follows the layer table of its README: imports go downward only and form no circle."""

from __future__ import annotations

from pathlib import Path

from tests.layers import check_layers

STATS = Path(__file__).resolve().parents[2] / "stats"


def test_imports_follow_the_layer_table() -> None:
    assert check_layers(STATS / "README.md", STATS) == []
