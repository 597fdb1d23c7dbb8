"""The picture of ARCHITECTURE.md shows the tree as it is."""

import re

from tests.docs.pages import ROOT
from tools.docs.architecture import DOT, dot_source


def test_the_picture_is_what_the_tree_gives() -> None:
    assert DOT.read_text() == dot_source(), "run: make architecture"


def test_the_drawing_was_made_from_that_source() -> None:
    drawn = set(re.findall(r"<title>([^<]+)</title>", DOT.with_suffix(".svg").read_text()))
    edges = {
        f"{a}&#45;&gt;{b}"
        for a, b in re.findall(r'^  "([^"]+)" -> "([^"]+)"', DOT.read_text(), re.MULTILINE)
    }
    nodes = set(re.findall(r'^  "([^"]+)" \[label=<', DOT.read_text(), re.MULTILINE))
    assert drawn - {"alloclab"} == nodes | edges


def test_it_names_every_folder() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    assert "docs/architecture.svg" in text
    for name in re.findall(r'^  "([^"]+)" \[label=<', DOT.read_text(), re.MULTILINE):
        assert name in text, name
