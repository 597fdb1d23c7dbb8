from __future__ import annotations

from pathlib import Path

from harness.allocators import Allocator, sha256_of
from harness.validity import BuildGuard


def allocator(library: Path, binary: Path) -> Allocator:
    return Allocator(
        "a",
        shared_object=str(library),
        binary=str(binary),
        sha256=sha256_of(library),
        binary_sha256=sha256_of(binary),
    )


def test_a_file_built_anew_is_noticed_and_an_equal_copy_is_not(tmp_path: Path) -> None:
    library, binary = tmp_path / "a.so", tmp_path / "memtest"
    library.write_text("1")
    binary.write_text("2")
    measured = allocator(library, binary)
    guard = BuildGuard(tmp_path)
    assert guard.changed(measured) == ""
    library.unlink()
    library.write_text("1")
    assert guard.changed(measured) == ""
    binary.write_text("3")
    assert "memtest was rebuilt" in guard.changed(measured)


def test_a_file_that_vanished_is_noticed(tmp_path: Path) -> None:
    library, binary = tmp_path / "a.so", tmp_path / "memtest"
    library.write_text("1")
    binary.write_text("2")
    measured = allocator(library, binary)
    guard = BuildGuard(tmp_path)
    assert guard.changed(measured) == ""
    library.unlink()
    assert "a.so was rebuilt" in guard.changed(measured)
