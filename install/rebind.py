"""Makes a library that was built against a newer glibc load on this machine's older one.

Usage: rebind.py LIBRARY OUTPUT

Prints the functions that it rebound, blank separated, none if there was nothing to do; exit code 1
with a reason when that is not enough. It helps where only C23's strtol family is in the way.

A program compiled under glibc 2.38 or newer calls `__isoc23_strtol@GLIBC_2.38` wherever its source
says strtol. The C23 functions differ from the old ones in one thing: they also accept binary
literals (0b101) where the base is 0 or 2. An allocator calls them to read its options, so here such
an undefined symbol is bound to the old function instead:

- its name moves nine bytes on, as `strtol` is the tail of `__isoc23_strtol` and stands in .dynstr;
- its version becomes the old function's, if the library already asks for that one, else none;
- the requirement GLIBC_2.38, once nothing uses it, becomes a second one of an older version, or,
  where there is none, weak: then the loader warns, but goes on.

No byte of code changes, and the file keeps its layout. Field names are those of the System V ABI
and of the chapter "Symbol Versioning" of the Linux Standard Base.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

PREFIX = "__isoc23_"
UNVERSIONED = 1  # VER_NDX_GLOBAL
VERSYM_SIZE = 2
VER_FLG_WEAK = 2
VNA_HASH, VNA_FLAGS, VNA_NAME = 0, 4, 8  # offsets in Elf64_Vernaux
# The version in which glibc first had the plain functions, by machine.
BASE_VERSION = {"EM_X86_64": "GLIBC_2.2.5", "EM_AARCH64": "GLIBC_2.17"}


class CannotRebindError(Exception):
    """The library needs something of the newer libc that has no older equal."""


@dataclass(frozen=True)
class Requirement:
    """A version that a library asks for: of which file, its name, the index that symbols use, and
    its record's place.
    """

    file: str
    name: str
    index: int
    offset: int


def main() -> int:
    if len(sys.argv) != 3:
        print("usage: rebind.py LIBRARY OUTPUT", file=sys.stderr)
        return 2
    source, output = map(Path, sys.argv[1:])
    try:
        names = rebind(source, output)
    except CannotRebindError as reason:
        print(reason)
        return 1
    print(*names)
    return 0


def rebind(source: Path, output: Path) -> list[str]:
    """Writes the rebound library to `output` and returns the old functions that it now calls.

    Raises CannotRebindError when something else needs the same newer version.
    """
    image = bytearray(source.read_bytes())
    with source.open("rb") as stream:
        names = rebind_image(image, ELFFile(stream))
    output.write_bytes(image)
    return names


def rebind_image(image: bytearray, elf: Any) -> list[str]:
    """Changes the bytes of `image`, which is the file that `elf` reads; see rebind."""
    symbols = elf.get_section_by_name(".dynsym")
    versions = elf.get_section_by_name(".gnu.version")
    if elf.get_section_by_name(".gnu.version_r") is None:  # it asks for no version of anything
        return []
    requirements = list(read_requirements(elf))
    base = BASE_VERSION.get(elf["e_machine"])
    target = next((each.index for each in requirements if each.name == base), UNVERSIONED)
    rebound, left, kept = [], set(), {}
    for number, symbol in enumerate(symbols.iter_symbols()):
        index = versions.get_symbol(number)["ndx"]
        if not is_c23(symbol):
            kept[index] = symbol.name
            continue
        name_field = symbols["sh_offset"] + symbols["sh_entsize"] * number  # st_name comes first
        struct.pack_into("<I", image, name_field, symbol["st_name"] + len(PREFIX))
        struct.pack_into("<H", image, versions["sh_offset"] + VERSYM_SIZE * number, target)
        rebound.append(symbol.name.removeprefix(PREFIX))
        left.add(index)
    for requirement in requirements:
        if requirement.index in left:
            older = [each for each in requirements if each.file == requirement.file]
            forgo(image, requirement, [each for each in older if each.index not in left], kept)
    return sorted(rebound)


def forgo(
    image: bytearray, requirement: Requirement, older: list[Requirement], kept: dict[int, str]
) -> None:
    """Asks for one of `older`, if any, instead; `kept`: by version index, a symbol not rebound."""
    if requirement.index in kept:
        raise CannotRebindError(f"it also needs {kept[requirement.index]}@{requirement.name}")
    if not older:
        struct.pack_into("<H", image, requirement.offset + VNA_FLAGS, VER_FLG_WEAK)
        return
    for field in (VNA_HASH, VNA_NAME):
        word = struct.unpack_from("<I", image, older[0].offset + field)
        struct.pack_into("<I", image, requirement.offset + field, *word)


def is_c23(symbol: Any) -> bool:
    """Hash tables hold no undefined symbols, so that renaming one changes nothing else."""
    return symbol["st_shndx"] == "SHN_UNDEF" and symbol.name.startswith(PREFIX)


def read_requirements(elf: Any) -> Iterator[Requirement]:
    """The Elf64_Vernaux records, with their offsets in the file, which pyelftools does not give."""
    section = elf.get_section_by_name(".gnu.version_r")
    offset = section["sh_offset"]
    for need, auxiliaries in section.iter_versions():
        record = offset + need["vn_aux"]
        for auxiliary in auxiliaries:
            yield Requirement(need.name, auxiliary.name, auxiliary["vna_other"], record)
            record += auxiliary["vna_next"]
        offset += need["vn_next"]


if __name__ == "__main__":
    sys.exit(main())
