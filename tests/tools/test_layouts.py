"""Code layouts: the same objects, linked in another order."""

from __future__ import annotations

import subprocess

from tests.memtest.driver import ROOT
from tools.layouts.order import layout

OBJECTS = [f"{letter}.o" for letter in "abcdefghijklmnop"]
PADS = ["pad-16.o", "pad-64.o"]


def test_the_first_layout_is_the_ordinary_build() -> None:
    assert layout(0, OBJECTS, PADS) == OBJECTS


def test_each_layout_holds_every_object_once_and_some_padding() -> None:
    for number in range(1, 20):
        order = layout(number, OBJECTS, PADS)
        assert sorted(each for each in order if each not in PADS) == OBJECTS
        assert any(each in PADS for each in order)


def test_layouts_differ_and_each_is_the_same_every_time() -> None:
    orders = [tuple(layout(number, OBJECTS, PADS)) for number in range(20)]
    assert len(set(orders)) == 20
    assert orders == [tuple(layout(number, OBJECTS, PADS)) for number in range(20)]


def addresses(path: str) -> dict[str, int]:
    """Where the functions of a program or library lie."""
    listed = subprocess.run(
        ["nm", ROOT / path], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = [line.split() for line in listed.stdout.splitlines()]
    return {
        name: int(at, 16) for at, kind, name in (x for x in lines if len(x) == 3) if kind in "tT"
    }


def test_functions_lie_elsewhere_in_memtest_and_in_the_projects_own_malloc() -> None:
    names = "LAYOUT_ALLOCATORS=slotmalloc"
    subprocess.run(["make", "-s", "layouts", "LAYOUTS=3", names], cwd=ROOT, check=True)
    for name, function in (
        ("memtest-slotmalloc", "worker_publish"),
        ("libslotmalloc.so", "malloc"),
    ):
        found = [addresses(f"build/{place}{name}") for place in ("", "layouts/1/", "layouts/2/")]
        assert set(found[0]) == set(found[1]) == set(found[2])
        assert len({where[function] for where in found}) == 3, name
