"""The layers that memtest/README.md shows: dependencies go down only, without circles."""

from tests.layers import check_layers
from tests.memtest.driver import ROOT


def test_the_driver_keeps_its_layers() -> None:
    source = ROOT / "memtest"
    assert not check_layers(source / "README.md", source, ROOT / "build" / "obj" / "memtest")
