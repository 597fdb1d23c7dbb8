"""The allocators: what the Makefile lists, and what --allocator NAME=/path.so adds."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.environment import PASSED_ON
from harness.errors import HarnessError, UsageError, unknown_name
from harness.experiment import select
from harness.paths import absolute, portable

DERIVED = "#"  # in a name: this entry was derived from the one whose name stands before it
NULL = "null"  # the reference allocator whose blocks overlap: what memtest itself costs,
NULL_PASSES = ("time", "instructions")  # which is time and instructions
AA_MARK = f"{DERIVED}2"  # the second name of the allocator that runs twice, as in "ptmalloc#2"


@dataclass(frozen=True)
class Layout:
    """The files of one code layout, by their digests; sha256 is "" where the library is the same in
    all layouts.
    """

    binary_sha256: str
    sha256: str = ""


@dataclass(frozen=True)
class Allocator:
    """One allocator: a row of `make list-allocators`, or one named on the command line.

    shared_object  real path of the object that defines malloc (key `library` in the table)
    preload        what LD_PRELOAD must hold to load it; "" for the C library's own malloc
    binary         memtest linked against it
    sha256         digest of the shared object; binary_sha256 of the binary (`with_hashes`)
    env            variables set for each of its processes (--variant)
    front          a library that is preloaded before all others and forwards every call (control.py);
                   front_sha256 its digest, slowdown the share of processor time that it burns
    passes         the only ones that it takes part in; empty means all
    layouts        the files of code layouts 1, 2, ...; those above are layout 0 (layouts.py)
    """

    name: str
    role: str = "contestant"
    version: str = ""
    package: str = ""
    shared_object: str = ""
    preload: str = ""
    binary: str = ""
    sha256: str = ""
    licence: str = ""
    link_mode: str = "preload"
    available: bool = True
    why_not: str = ""
    note: str = ""
    binary_sha256: str = ""
    env: Mapping[str, str] = dataclasses.field(default_factory=dict)
    front: str = ""
    front_sha256: str = ""
    slowdown: float | None = None
    passes: tuple[str, ...] = ()
    layouts: tuple[Layout, ...] = ()

    @property
    def preload_env(self) -> dict[str, str]:
        """The environment that makes any dynamic program use this allocator."""
        return _preloading(self.front, self.preload)

    def command_env(self, root: Path, instead: str = "") -> dict[str, str]:
        """The environment for a real program: the allocator, and behind it the library that drops
        RTLD_DEEPBIND from dlopen (where it is built). With that flag a module calls libc's free for
        this allocator's blocks: the program would crash under every preloaded malloc.

        `instead` is what the program preloads where the allocator is not (the C library's own).
        """
        behind = no_deepbind(root)
        if not self.preload or not behind.is_file() or preload_problem(str(behind)):
            return _preloading(self.front, self.preload or instead)
        return _preloading(self.front, self.preload, str(behind))

    def memtest_env(self, root: Path) -> dict[str, str]:
        """The environment for memtest, which may be linked against the allocator. It starts in the
        tree's folder, so that a library of the tree needs no path that the loader might split at a
        space.
        """
        preload = "" if self.link_mode == "linked" else self.preload
        return _preloading(*(portable(root, path) for path in (self.front, preload)))

    def in_layout(self, number: int) -> Allocator:
        """The allocator with the files of a code layout."""
        if number == 0:
            return self
        files = self.layouts[number - 1]
        moved = dataclasses.replace(
            self,
            binary=str(layout_path(self.binary, number)),
            binary_sha256=files.binary_sha256,
            layouts=(),
        )
        if not files.sha256:
            return moved
        library = str(layout_path(self.shared_object, number))
        preload = self.preload.replace(self.shared_object, library)
        return dataclasses.replace(
            moved, shared_object=library, preload=preload, sha256=files.sha256
        )

    def files(self, root: Path) -> list[tuple[str, Path, str]]:
        """The files that its processes load, each with what it is and its digest."""
        return [
            ("the library of", Path(self.shared_object), self.sha256),
            ("memtest linked with", root / self.binary, self.binary_sha256),
            ("the library in front of", Path(self.front), self.front_sha256),
        ]


def _preloading(*libraries: str) -> dict[str, str]:
    named = [library for library in libraries if library]
    return {"LD_PRELOAD": ":".join(named)} if named else {}


def layout_path(path: str, number: int) -> Path:
    """Where a file of build/ lies in another code layout."""
    return Path(path).parent / "layouts" / str(number) / Path(path).name


def no_deepbind(root: Path) -> Path:
    """The library that is preloaded behind every preloaded allocator into real programs."""
    return root / "build" / "libnodeepbind.so"


def from_makefile(root: Path) -> list[Allocator]:
    """What `make list-allocators` prints. Raises HarnessError with make's message if it fails."""
    command = ["make", "--no-print-directory", "-s", "list-allocators"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise HarnessError(f"`make list-allocators` failed: {done.stderr.strip()[-500:]}")
    fields = {f.name for f in dataclasses.fields(Allocator)}
    try:
        entries = json.loads(done.stdout)
        rows = [
            _described({k: v for k, v in e.items() if k in {*fields, "library"}}) for e in entries
        ]
    except (ValueError, TypeError) as error:
        raise HarnessError(f"`make list-allocators` did not print a list: {error}") from error
    return [dataclasses.replace(a, passes=NULL_PASSES) if a.name == NULL else a for a in rows]


def _described(entry: Mapping[str, Any]) -> Allocator:
    """From an entry of the Makefile's table or of a manifest, which say `library`."""
    rest = {key: value for key, value in entry.items() if key != "library"}
    return Allocator(shared_object=entry.get("library", ""), **rest)


def from_option(option: str, plain_binary: str) -> Allocator:
    """`NAME=/path.so` as an allocator that is preloaded into plain memtest.

    A missing file gives an unavailable allocator, not an error: its processes are recorded as
    refused. An unavailable allocator of the table is left out instead, as nobody asked for it.
    """
    name, separator, path = option.partition("=")
    if not separator or not name or not path:
        raise UsageError(f"--allocator {option}: must have the form NAME=/path/to/library.so")
    library = Path(path).resolve()
    if unfit := preload_problem(str(library)):
        raise UsageError(f"--allocator {option}: {unfit}")
    found = library.is_file()
    return Allocator(
        name=name,
        role="contestant",
        version="unknown",
        shared_object=str(library),
        preload=str(library),
        binary=plain_binary,
        note="named on the command line",
        available=found,
        why_not="" if found else f"there is no file {path}",
    )


def with_variants(known: Sequence[Allocator], options: Sequence[str]) -> list[Allocator]:
    """The allocators that `NEW=OLD:VARIABLE=VALUE` asks for: OLD under another name, with an
    environment variable set. Several options of one NEW add up.
    """
    by_name = {a.name: a for a in known}
    made: dict[str, Allocator] = {}
    for option in options:
        name, _, rest = option.partition("=")
        old, _, assignment = rest.partition(":")
        variable, equals, value = assignment.partition("=")
        if not (name and old and variable and equals):
            raise UsageError(f"--variant {option}: must have the form NEW=OLD:VARIABLE=VALUE")
        if old not in by_name:
            raise UsageError(f"--variant {option}: {unknown_name('allocator', old, by_name)}")
        if variable in ("LD_PRELOAD", "LC_ALL", *PASSED_ON):
            raise UsageError(f"--variant {option}: the harness itself sets {variable}")
        env = {**(made[name].env if name in made else {}), variable: value}
        role = "contestant" if by_name[old].role == "own" else by_name[old].role
        words = " ".join(f"{key}={setting}" for key, setting in env.items())
        made[name] = dataclasses.replace(
            by_name[old], name=name, role=role, env=env, note=f"{old} with {words}"
        )
    return list(made.values())


def choose(known: Sequence[Allocator], patterns: Sequence[str], wanted: str) -> list[Allocator]:
    """The allocators of an experiment's patterns, or exactly those of `wanted` ("a,b") if it is
    not empty.
    """
    by_name = {a.name: a for a in known}
    if not wanted:
        return [by_name[name] for name in select(patterns, by_name)]
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    for name in names:
        if name not in by_name:
            raise UsageError(unknown_name("allocator", name, by_name))
    return [by_name[name] for name in dict.fromkeys(names)]


def with_aa(chosen: Sequence[Allocator], aa: str) -> list[Allocator]:
    """Adds the second of the A/A pair: the same library under another name, so that the run
    measures its own noise floor.
    """
    twins = [dataclasses.replace(a, name=a.name + AA_MARK) for a in chosen if a.name == aa]
    return [*chosen, *twins]


def with_hashes(allocator: Allocator, root: Path, layouts: int = 1) -> Allocator:
    """The allocator with the digests of library and binary as they are on disk now ("" for a missing
    file), in so many code layouts.
    """
    library = Path(allocator.shared_object) if allocator.shared_object else None
    return dataclasses.replace(
        allocator,
        sha256=sha256_of(library) if library else "",
        binary_sha256=sha256_of(root / allocator.binary) if allocator.binary else "",
        front_sha256=sha256_of(Path(allocator.front)) if allocator.front else "",
        layouts=tuple(_layout(allocator, root, number) for number in range(1, layouts)),
    )


def _layout(allocator: Allocator, root: Path, number: int) -> Layout:
    library = layout_path(allocator.shared_object, number)
    ours = library.is_relative_to(root / "build")
    return Layout(
        binary_sha256=sha256_of(root / layout_path(allocator.binary, number)),
        sha256=sha256_of(library) if ours else "",
    )


def as_manifest(allocator: Allocator, root: Path) -> dict[str, Any]:
    """The allocator as manifest.json keeps it; paths inside the tree are relative to it. What only
    some allocators have is left out where it is empty.
    """
    entry = dataclasses.asdict(allocator)
    entry["library"] = entry.pop("shared_object")
    for key in ("front", "front_sha256", "slowdown", "passes", "layouts"):
        if entry[key] in ("", None, ()):
            del entry[key]
    return entry | {key: portable(root, entry[key]) for key in _PATHS if key in entry}


_PATHS = ("library", "preload", "front")


def from_manifest(entry: Mapping[str, Any], root: Path) -> Allocator:
    """The way back from `as_manifest`."""
    paths = {key: absolute(root, entry[key]) for key in _PATHS if key in entry}
    passes = tuple(entry.get("passes", ()))
    layouts = tuple(Layout(**files) for files in entry.get("layouts", ()))
    return _described({**entry, **paths, "passes": passes, "layouts": layouts})


def preload_problem(path: str) -> str:
    """Why the loader cannot preload a library from this path, or ""."""
    if any(letter in path for letter in " \t\n:"):
        return (
            f"a path in LD_PRELOAD cannot hold a space or a colon ({path}); copy the library into "
            "another folder, or give the path of a symbolic link to it"
        )
    return ""


def sha256_of(path: Path) -> str:
    """The hexadecimal SHA-256 of a file, "" where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
