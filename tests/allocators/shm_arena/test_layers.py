"""shm_arena's source follows the layer table of its README."""

from __future__ import annotations

from pathlib import Path

from tests.layers import check_layers

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "allocators" / "shm_arena" / "src"


def test_includes_and_calls_go_downward_only() -> None:
    objects = ROOT / "build" / "obj" / SOURCE.relative_to(ROOT)
    assert check_layers(SOURCE / "README.md", SOURCE, objects) == []


def test_each_module_below_the_api_has_its_own_header() -> None:
    for path in SOURCE.glob("*/*.c"):
        header = path.with_suffix(".h")
        assert header.exists() != (path.parent.name == "api"), header.name
        if header.exists():
            own = f'#include "{header.relative_to(SOURCE)}"'
            assert path.read_text().startswith(own), f"{path.name} includes another header first"
