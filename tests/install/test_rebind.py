"""A library linked against a newer libc loads after rebinding, and calls the old function."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from install.rebind import CannotRebindError, rebind

# A libc of the future: the plain function under an old version, C23's under a new one. When the
# caller is loaded here, the plain one is that of this machine's real libc, which comes first.
FUTURE_LIBC = """
long long strtoll(const char *text, char **end, int base) { return -1; }
long long __isoc23_strtoll(const char *text, char **end, int base) { return -23; }
int brand_new(void) { return 7; }
"""
FUTURE_VERSIONS = """
GLIBC_2.2.5 { global: strtoll; local: *; };
GLIBC_2.38 { global: __isoc23_strtoll; brand_new; } GLIBC_2.2.5;
"""
# The same library as today's machine has it: without the new functions and their version.
TODAYS_VERSIONS = "GLIBC_2.2.5 { global: strtoll; local: *; };"
CALLER = """
long long __isoc23_strtoll(const char *, char **, int);
long long strtoll(const char *, char **, int);
long long parse(const char *text) { return __isoc23_strtoll(text, 0, 0); }
long long parse_as_ever(const char *text) { return strtoll(text, 0, 0); }
"""


def build(folder: Path, name: str, source: str, *flags: str) -> Path:
    (folder / f"{name}.c").write_text(source)
    command = ["gcc", "-shared", "-fPIC", "-fno-builtin", "-w", "-o", f"{name}.so", f"{name}.c"]
    subprocess.run([*command, *flags], cwd=folder, check=True)
    return folder / f"{name}.so"


def build_libc(folder: Path, versions: str) -> Path:
    """A library that stands in for libc, under the soname libstub.so."""
    folder.mkdir(exist_ok=True)
    (folder / "versions").write_text(versions)
    return build(
        folder, "libstub", FUTURE_LIBC, "-Wl,--version-script=versions", "-Wl,-soname,libstub.so"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    build_libc(tmp_path / "future", FUTURE_VERSIONS)
    build_libc(tmp_path, TODAYS_VERSIONS)
    return tmp_path


def build_caller(folder: Path, source: str = CALLER) -> Path:
    return build(folder, "caller", source, "future/libstub.so", f"-Wl,-rpath,{folder}")


def load(library: Path) -> ctypes.CDLL:
    return ctypes.CDLL(str(library))


def test_without_rebinding_the_loader_refuses(folder: Path) -> None:
    caller = build_caller(folder)
    with pytest.raises(OSError, match=r"GLIBC_2\.38"):
        load(caller)


def test_a_rebound_library_loads_and_calls_the_old_function(folder: Path) -> None:
    rebound = folder / "rebound.so"
    assert rebind(build_caller(folder), rebound) == ["strtoll"]
    library = load(rebound)
    assert library.parse(b"0x10") == 16
    assert library.parse_as_ever(b"010") == 8


def test_it_works_where_the_old_version_was_not_asked_for_before(folder: Path) -> None:
    only_new = CALLER.replace("return strtoll(text, 0, 0)", "return 1")
    rebound = folder / "rebound.so"
    rebind(build_caller(folder, only_new), rebound)
    assert load(rebound).parse(b"12") == 12


def test_the_original_stays_and_sizes_are_equal(folder: Path) -> None:
    caller = build_caller(folder)
    before = caller.read_bytes()
    rebind(caller, folder / "rebound.so")
    after = (folder / "rebound.so").read_bytes()
    assert caller.read_bytes() == before
    assert len(after) == len(before)
    assert sum(a != b for a, b in zip(after, before, strict=True)) <= 8


def test_only_the_tables_of_dynamic_symbols_differ(folder: Path) -> None:
    caller, rebound = build_caller(folder), folder / "rebound.so"
    rebind(caller, rebound)
    before, after = sections(caller), sections(rebound)
    changed = {name for name in before if before[name] != after[name]}
    assert before.keys() == after.keys() and ".text" in before
    assert changed == {".dynsym", ".gnu.version", ".gnu.version_r"}


def sections(library: Path) -> dict[str, bytes]:
    """The content of each section by its name."""
    with library.open("rb") as stream:
        return {each.name: each.data() for each in ELFFile(stream).iter_sections()}


def test_another_new_symbol_is_a_reason_to_refuse(folder: Path) -> None:
    needs_more = CALLER + "int brand_new(void); int more(void) { return brand_new(); }"
    with pytest.raises(CannotRebindError, match=r"brand_new@GLIBC_2\.38"):
        rebind(build_caller(folder, needs_more), folder / "rebound.so")
    assert not (folder / "rebound.so").exists()


def test_a_library_without_such_symbols_is_copied_unchanged(folder: Path) -> None:
    plain = build(folder, "plain", "int answer(void) { return 42; }")
    assert rebind(plain, folder / "copy.so") == []
    assert (folder / "copy.so").read_bytes() == plain.read_bytes()
