"""Experiment files: experiments/NAME.toml read into frozen dataclasses, with errors that name file,
key and remedy.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from harness import passes
from harness.disturbance import Rule
from harness.errors import UsageError, unknown_name
from records.record import EMPTY

Value = int | float | str | bool

# Options of every memtest workload that a [[workload]] table holds beside its own keys.
COMMON_OPTIONS = {
    "rounds": int,
    "touch": str,
    "verify": str,
    "duration": (int, float),
    "scale": (int, float),
}

_TOP_KEYS = {
    "title": str,
    "question": str,
    "allocators": list,
    "aa": str,
    "baseline": str,
    "delta": (int, float),
    "control": list,
    "margin": (int, float),
    "layouts": int,
    "timeout_s": (int, float),
    "memory_cap_mib": int,
    "linger_s": (int, float),
    "warm_mib": int,
    "replicates": dict,
    "disturbed": dict,
    "passes": dict,  # the older name of "replicates"
    "workload": list,
    "command": list,
}
_DISTURBED_KEYS = {
    "steal": (int, float),
    "others": (int, float),
    "pressure_cpu": (int, float),
    "repeats": int,
    "passes": list,
}
_CASE_KEYS = {
    "name": str,
    "summary": str,
    "threads": (int, list),
    "allocators": list,
    "passes": list,
}
_WORKLOAD_KEYS = _CASE_KEYS | COMMON_OPTIONS | {"params": dict, "override": dict}
_COMMAND_KEYS = _CASE_KEYS | {"argv": list, "needs": list, "env": dict, "prepare": list}


@dataclass(frozen=True)
class Case:
    """One row of the results: a workload or a command with its parameters and a number of threads.

    kind       "memtest" or "command"
    options    memtest's options without --threads and --seed (memtest cases)
    overrides  pass name -> options that replace others in that pass only (a memory pass may need
               more rounds)
    argv, env  the program and what is added to its environment (command cases)
    needs      executables without which the command is skipped
    prepare    a command that makes the program's input, run once before its first process and not
               measured; empty means none
    allocators patterns of the allocators that run it; empty means those of the experiment
    passes     the passes that run it; empty means those of the experiment
    keeps_data whether the workload keeps data in its blocks (memtest says so)
    """

    kind: str
    workload: str
    threads: int
    options: Mapping[str, Value] = field(default_factory=dict)
    overrides: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    argv: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    allocators: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()
    keeps_data: bool = False

    @property
    def params(self) -> str:
        """The canonical `key=value;...` string of records and tables; a command's is a digest of
        its argv.
        """
        if self.kind == "command":
            return "argv=" + hashlib.sha256("\0".join(self.argv).encode()).hexdigest()[:8]
        return ";".join(f"{key}={text(value)}" for key, value in sorted(self.options.items()))

    @property
    def key(self) -> tuple[str, str, int]:
        """What identifies the case, in records too."""
        return (self.workload, self.params, self.threads)

    def options_for(self, pass_name: str) -> dict[str, Value]:
        """The options that memtest gets in this pass."""
        return {**self.options, **self.overrides.get(pass_name, {})}

    def reads_blocks(self, pass_name: str) -> bool:
        """Whether the content of blocks matters: then they must not overlap, as null's do."""
        verify = self.options_for(pass_name).get("verify", "none")
        return self.kind == "command" or self.keeps_data or verify != "none"


# What a process costs that does nothing. The harness adds it to every run with a syscalls pass.
EMPTY_CASE = Case(kind="memtest", workload=EMPTY, threads=1, passes=("syscalls",))


@dataclass(frozen=True)
class Experiment:
    """A question with the cases, allocators, passes and limits that answer it. raw is the parsed
    file.
    """

    name: str
    title: str
    question: str
    allocators: tuple[str, ...]
    aa: str
    baseline: str
    control: tuple[float, ...]
    layouts: int
    timeout_s: float
    memory_cap_bytes: int
    linger_s: float
    warm_bytes: int
    replicates: Mapping[str, int]
    disturbed: Rule
    cases: tuple[Case, ...]
    raw: Mapping[str, Any]


def text(value: Value) -> str:
    """A value as memtest takes it on its command line and as it stands in a params string."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)


def select(patterns: Sequence[str], names: Iterable[str]) -> list[str]:
    """The names that match: shell patterns in order, `!pattern` takes names away again."""
    chosen: list[str] = []
    candidates = list(names)
    for pattern in patterns:
        if pattern.startswith("!"):
            chosen = [name for name in chosen if not fnmatchcase(name, pattern[1:])]
        else:
            chosen += [n for n in candidates if fnmatchcase(n, pattern) and n not in chosen]
    return chosen


def find(name: str, folder: Path) -> Path:
    """The file of the experiment `name` (a name in `folder`, or the path of a TOML file);
    UsageError if none.
    """
    if name.endswith(".toml"):
        path = Path(name)
        if path.is_file():
            return path
        raise UsageError(f"there is no experiment file {name}")
    path = folder / f"{name}.toml"
    if not path.is_file():
        message = unknown_name("experiment", name, (p.stem for p in folder.glob("*.toml")))
        raise UsageError(f"{message} (./harness.sh --list shows all)")
    return path


def load(path: Path) -> Experiment:
    """Reads and checks an experiment file. Raises UsageError that names the file, the key and what
    helps.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from error
    return parse(raw, path.stem, str(path))


def parse(raw: Mapping[str, Any], name: str, where: str) -> Experiment:
    """Checks a parsed experiment (also the copy that a run directory keeps for --resume)."""
    _check_keys(raw, _TOP_KEYS, where)
    counts = raw.get("replicates", raw.get("passes"))
    for key, value in (
        ("title", raw.get("title")),
        ("question", raw.get("question")),
        ("replicates", counts),
    ):
        if value is None:
            raise UsageError(
                f"{where}: '{key}' is missing; docs/add-an-experiment.md shows every key"
            )
    cases = _cases(raw, where)
    if not cases:
        raise UsageError(f"{where}: there is nothing to run; add a [[workload]] or a [[command]]")
    return Experiment(
        name=name,
        title=raw["title"],
        question=raw["question"],
        allocators=tuple(raw.get("allocators", ["*"])),
        aa=raw.get("aa", ""),
        baseline=raw.get("baseline", "ptmalloc"),
        control=_control(raw, where),
        layouts=_layouts(raw, where),
        timeout_s=float(raw.get("timeout_s", 60)),
        memory_cap_bytes=int(raw.get("memory_cap_mib", 8192)) << 20,
        linger_s=float(raw.get("linger_s", 0)),
        warm_bytes=_warm_mib(raw, where) << 20,
        replicates=_replicates(counts or {}, where),
        disturbed=rule_of(raw.get("disturbed", {}), where),
        cases=cases,
        raw=raw,
    )


def _check_keys(table: Mapping[str, Any], known: Mapping[str, Any], where: str) -> None:
    for key, value in table.items():
        if key not in known:
            raise UsageError(f"{where}: {unknown_name('key', key, known)}")
        kinds = known[key]
        if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
            names = kinds if isinstance(kinds, tuple) else (kinds,)
            wanted = " or ".join(kind.__name__ for kind in names)
            raise UsageError(f"{where}: '{key}' must be of type {wanted}, not {value!r}")


def _control(raw: Mapping[str, Any], where: str) -> tuple[float, ...]:
    percents: list[Any] = raw.get("control", [5])
    for percent in percents:
        if isinstance(percent, bool) or not isinstance(percent, int | float) or percent <= 0:
            raise UsageError(
                f"{where}: 'control' must list slowdowns in per cent above 0, not {percent!r}; "
                "[] switches the positive control off"
            )
    return tuple(dict.fromkeys(percents))


def _layouts(raw: Mapping[str, Any], where: str) -> int:
    count: int = raw.get("layouts", 20)
    if not 1 <= count <= 1000:
        raise UsageError(f"{where}: 'layouts' must be 1 (the ordinary build) to 1000, not {count}")
    return count


def _warm_mib(raw: Mapping[str, Any], where: str) -> int:
    amount: int = raw.get("warm_mib", 256)
    if amount < 0:
        raise UsageError(f"{where}: 'warm_mib' must be 0 (off) or more, not {amount}")
    return amount


def _replicates(passes: Mapping[str, Any], where: str) -> dict[str, int]:
    for name, count in passes.items():
        _check_pass(name, f"{where}: [replicates]")
        if not isinstance(count, int) or count < 1:
            raise UsageError(
                f"{where}: [replicates] {name} must be a number of replicates, 1 or more"
            )
    if not passes:
        raise UsageError(f"{where}: [replicates] is empty; write for example: time = 20")
    return dict(passes)


def rule_of(table: Mapping[str, Any], where: str) -> Rule:
    """The rule of an experiment's `disturbed` table, or of the manifest's."""
    place = f"{where}: [disturbed]"
    _check_keys(table, _DISTURBED_KEYS, place)
    for key in ("steal", "others", "pressure_cpu", "repeats"):
        if table.get(key, 0) < 0:
            raise UsageError(f"{place} {key} must be 0 or more, not {table[key]}")
    names = table.get("passes", Rule.passes)
    for name in names:
        _check_pass(name, place)
    return Rule(**{**table, "passes": tuple(names)})


def _check_pass(name: str, where: str) -> None:
    if name not in passes.NAMES:
        raise UsageError(f"{where}: {unknown_name('pass', name, passes.NAMES)}")


def _cases(raw: Mapping[str, Any], where: str) -> tuple[Case, ...]:
    cases: list[Case] = []
    for kind, build, keys in (
        ("workload", _workload_case, _WORKLOAD_KEYS),
        ("command", _command_case, _COMMAND_KEYS),
    ):
        for number, table in enumerate(raw.get(kind, []), start=1):
            place = f"{where}: [[{kind}]] number {number}"
            _check_keys(table, keys, place)
            if "name" not in table:
                raise UsageError(f"{place}: 'name' is missing")
            for pass_name in [*table.get("passes", []), *table.get("override", {})]:
                _check_pass(pass_name, place)
            cases += [build(table, threads, place) for threads in _threads(table, place)]
    _check_distinct(cases, where)
    return tuple(cases)


def _threads(table: Mapping[str, Any], where: str) -> list[int]:
    value = table.get("threads", 1)
    counts = value if isinstance(value, list) else [value]
    if not counts or any(not isinstance(n, int) or n < 1 for n in counts):
        raise UsageError(f"{where}: 'threads' must be a number or a list of numbers, 1 or more")
    return counts


def _workload_case(table: Mapping[str, Any], threads: int, where: str) -> Case:
    common = {key: table[key] for key in COMMON_OPTIONS if key in table}
    options = {**common, **table.get("params", {})}
    overrides = table.get("override", {})
    for place in (options, *overrides.values()):
        for key, value in place.items():
            if not isinstance(value, int | float | str):
                raise UsageError(f"{where}: option '{key}' must be a number or a string")
    return Case(
        kind="memtest",
        workload=table["name"],
        threads=threads,
        options=options,
        overrides=overrides,
        allocators=tuple(table.get("allocators", [])),
        passes=tuple(table.get("passes", [])),
    )


def _command_case(table: Mapping[str, Any], threads: int, where: str) -> Case:
    argv, prepare = table.get("argv", []), table.get("prepare", [])
    if not argv or not all(isinstance(word, str) for word in argv):
        raise UsageError(f"{where}: 'argv' must be a list of strings, the program first")
    if not all(isinstance(word, str) for word in prepare):
        raise UsageError(f"{where}: 'prepare' must be a list of strings, the program first")
    return Case(
        kind="command",
        workload=table["name"],
        threads=threads,
        argv=tuple(argv),
        env={key: str(value) for key, value in table.get("env", {}).items()},
        needs=tuple(table.get("needs", [argv[0]])),
        prepare=tuple(prepare),
        allocators=tuple(table.get("allocators", [])),
        passes=tuple(table.get("passes", [])),
    )


def _check_distinct(cases: Sequence[Case], where: str) -> None:
    seen = set()
    for case in cases:
        if case.key in seen:
            raise UsageError(
                f"{where}: {case.workload} with {case.threads} threads stands there twice"
            )
        seen.add(case.key)
