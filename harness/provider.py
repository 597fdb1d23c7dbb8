"""Proof that the expected library served malloc: a process whose preload failed silently must not
count.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from harness.allocators import Allocator, sha256_of
from harness.paths import portable
from harness.process import Job, Outcome
from records.record import Provider

_PRELOAD_ERROR = re.compile(r"ERROR: ld\.so: object '(.*?)' from LD_PRELOAD (.*)")
_BINDING = re.compile(
    r"binding file (\S+) \[\d+\] to (\S+) \[\d+\]: (?:normal|protected) symbol `malloc'"
)


@dataclass(frozen=True)
class Proof:
    """What a record says about it: the object that served malloc, the one that should have, and
    whether they agree.
    """

    path: str
    expected: str
    proven: bool
    why: str = ""
    front: str = ""  # the library that took the calls and forwarded them to `path`

    def as_record(self, root: Path) -> Provider:
        """The `provider` field of a record; paths inside the tree are relative to it."""
        provider: Provider = {
            "path": portable(root, self.path),
            "expected": portable(root, self.expected),
            "proven": self.proven,
        }
        if self.front:
            provider["front"] = portable(root, self.front)
        return provider


def unproven(allocator: Allocator) -> Proof:
    """The proof of a process that printed no end record (it crashed, hung, or was not started)."""
    return Proof("", allocator.shared_object, False)


def from_memtest(allocator: Allocator, end: Mapping[str, Any], stderr: str) -> Proof:
    """The proof that memtest gives: it asks the dynamic linker which object defines the malloc that
    it calls, and a library in front of the allocator to whose malloc it forwards.
    """
    told = end.get("provider") or {}
    path, forwards_to = told.get("path") or "", told.get("forwards_to") or ""
    if allocator.front:
        return _compare_behind_front(allocator, path, forwards_to, stderr)
    return _compare(allocator, path, stderr)


def _compare(allocator: Allocator, path: str, stderr: str) -> Proof:
    served = str(Path(path).resolve()) if path else ""
    if served and _same_file(Path(served), allocator):
        return Proof(served, allocator.shared_object, True)
    return _served_by(allocator, served, stderr)


def _compare_behind_front(allocator: Allocator, taker: str, path: str, stderr: str) -> Proof:
    """`taker` is the object that takes the calls, `path` the one that it forwards them to."""
    taken = str(Path(taker).resolve()) if taker else ""
    if taken != str(Path(allocator.front).resolve()):
        return _served_by(allocator, taken, stderr, f" and not by {allocator.front} in front of it")
    return replace(_compare(allocator, path, stderr), front=allocator.front)


def _served_by(allocator: Allocator, served: str, stderr: str, instead: str = "") -> Proof:
    failed = _PRELOAD_ERROR.search(stderr)
    reason = f": the loader says that {failed[1]} {failed[2]}" if failed else ""
    by = served or "an unknown object"
    why = f"malloc was served by {by}{instead}{reason}"
    return Proof(served, allocator.shared_object, False, why)


def _same_file(served: Path, allocator: Allocator) -> bool:
    if served == Path(allocator.shared_object).resolve():
        return True
    return bool(allocator.sha256) and sha256_of(served) == allocator.sha256


def _may_define_malloc(path: Path) -> bool:
    """False for an object that only calls malloc.

    Others are bound to such a program where it is not position-independent and takes malloc's
    address (Debian's Python does): they get its PLT entry, which leads on to the object that the
    program itself is bound to.
    """
    try:
        with path.open("rb") as file:
            table = ELFFile(file).get_section_by_name(".dynsym")
            if not isinstance(table, SymbolTableSection):
                return True
            symbols = table.get_symbol_by_name("malloc")
    except (OSError, ELFError):
        return True  # cannot be examined: counts as a definition
    return not symbols or any(s["st_shndx"] != "SHN_UNDEF" for s in symbols)


def probe_command(
    allocator: Allocator, job: Job, execute: Callable[[Job], Outcome]
) -> tuple[Proof, Outcome]:
    """Runs a real program once, unmeasured, and asks the dynamic linker to which object it bound
    every `malloc`.

    A program that brings its own malloc (linked statically, or exported by the program itself) is
    detected by this, as is one that drops LD_PRELOAD before an exec. Its children count too.
    """
    with tempfile.TemporaryDirectory(prefix="alloclab-") as folder:
        debug = {
            "LD_DEBUG": "bindings",
            "LD_DEBUG_OUTPUT": f"{folder}/bindings",
            "LD_BIND_NOW": "1",
        }
        outcome = execute(replace(job, env={**job.env, **debug}))
        lines: list[str] = []
        for file in sorted(Path(folder).iterdir()):
            with file.open(encoding="utf-8", errors="replace") as text:
                lines += [line for line in text if "`malloc'" in line]
    return prove_bindings(allocator, lines, outcome.stderr), outcome


def prove_bindings(allocator: Allocator, lines: Iterable[str], stderr: str = "") -> Proof:
    """The proof from the lines of LD_DEBUG=bindings: every object that calls malloc must get the
    allocator's.

    An allocator's own bindings do not count: it may well call the C library's malloc, or its own
    under that name.
    """
    own = {str(Path(part).resolve()) for part in allocator.preload.split(":") if part}
    front = str(Path(allocator.front).resolve()) if allocator.front else ""
    bound: set[str] = set()
    behind_front: set[str] = set()
    for line in lines:
        match = _BINDING.search(line)
        caller, provider = (
            (str(Path(path).resolve()) for path in match.groups()) if match else ("", "")
        )
        if provider and caller not in own:
            (behind_front if caller == front else bound).add(provider)
    bound = {path for path in bound if _may_define_malloc(Path(path))}
    if not bound:
        why = "no binding of malloc was seen: the program is static or does not call malloc"
        return Proof("", allocator.shared_object, False, why)
    if front:
        taker = next((path for path in sorted(bound) if path != front), front)
        return _prove_all(
            behind_front, lambda path: _compare_behind_front(allocator, taker, path, stderr)
        )
    return _prove_all(bound, lambda path: _compare(allocator, path, stderr))


def _prove_all(paths: Collection[str], compare: Callable[[str], Proof]) -> Proof:
    """The first proof that fails, or the last one."""
    proofs = [compare(path) for path in sorted(paths) or [""]]
    return next((proof for proof in proofs if not proof.proven), proofs[-1])
