"""Reads what `strace -f -ttt -T -o FILE` wrote about the kernel's memory calls, and adds it up.

A line is `PID TIME call(arguments) = result <seconds>`. Where another thread's line came between,
strace splits it into `... <unfinished ...>` and `<... call resumed>...`; the parser joins the two
by PID. A log may end in the middle of a line (the disk was full, the process group was killed) and
a call may never have returned.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

CALLS = ("mmap", "munmap", "mremap", "brk", "madvise", "mprotect")
COUNTED_AS = {"process_madvise": "madvise"}  # many ranges in one call; the result is their bytes
TRACED = (*CALLS, *COUNTED_AS)
# What begins or replaces a process; a clone that makes a thread is none of them.
PROCESS_CALLS = ("fork", "vfork", "clone", "clone3", "execve", "execveat")

_LINE = re.compile(r"(?:(\d+)\s+)?(\d+\.\d+)\s+(.*)")
_CALL = re.compile(r"(\w+)\((.*)\)\s+= (\?|-?\w+)(.*)")
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)")
_SECONDS = re.compile(r"<(\d+\.\d+)>\s*$")
_NAMED = re.compile(r"(\w+)\(")
_PID_CHANGED = re.compile(r"(.*) <pid changed to (\d+) \.\.\.>")
_UNFINISHED = "<unfinished ...>"


@dataclass(frozen=True)
class Call:
    """One call. result is None when it never returned; error is "" or its errno name, as in
    "ENOMEM".
    """

    pid: int
    at_s: float
    name: str
    arguments: tuple[str, ...]
    result: int | None
    error: str
    seconds: float


@dataclass
class Log:
    """The memory calls of a log in the order in which they ended, how many processes were begun
    by fork and its kin and how many programs by exec (the first one included), and the number of
    lines that could not be read.
    """

    calls: list[Call] = field(default_factory=list)
    forks: int = 0
    execs: int = 0
    unread_lines: int = 0


def parse(lines: Iterable[str]) -> Log:
    """Reads a log. Signals, exits and other calls are passed over; damaged lines are counted."""
    log = Log()
    waiting: dict[int, tuple[float, str]] = {}
    for line in lines:
        stripped = line.strip()
        if not stripped:
            continue
        call, readable = _parse_line(stripped, waiting)
        if not readable:
            log.unread_lines += 1
        elif call and call.name in TRACED:
            log.calls.append(call)
        elif call and call.name in PROCESS_CALLS and not call.error and call.result is not None:
            log.execs += call.name.startswith("exec")
            log.forks += _begins_a_process(call)
    log.calls += _never_returned(waiting)
    return log


def _begins_a_process(call: Call) -> bool:
    """Whether this is a fork; a clone with CLONE_THREAD adds a thread to its own process."""
    is_thread = any("CLONE_THREAD" in argument for argument in call.arguments)
    return not call.name.startswith("exec") and not is_thread


def _parse_line(line: str, waiting: dict[int, tuple[float, str]]) -> tuple[Call | None, bool]:
    """A complete call, if the line completes one, and whether the line made sense."""
    match = _LINE.fullmatch(line)
    if not match:
        return None, False
    pid, at_s, rest = int(match[1] or 0), float(match[2]), match[3]
    if rest.startswith(("---", "+++")):
        return None, True
    if rest.endswith(_UNFINISHED):
        waiting[pid] = (at_s, rest.removesuffix(_UNFINISHED).rstrip())
        return None, _NAMED.match(rest) is not None
    changed = _PID_CHANGED.fullmatch(rest)  # a thread's exec gives it the process's own number
    if changed:
        waiting[int(changed[2])] = (at_s, changed[1])
        return None, True
    resumed = _RESUMED.fullmatch(rest)
    if resumed:
        if pid not in waiting:
            return None, False
        at_s, begun = waiting.pop(pid)
        rest = begun + resumed[2]
    call = _call(pid, at_s, rest)
    return call, call is not None


def _call(pid: int, at_s: float, text: str) -> Call | None:
    match = _CALL.fullmatch(text)
    if not match:
        return None
    name, arguments, result, tail = match.groups()
    seconds = _SECONDS.search(tail)
    failed = result == "-1"
    return Call(
        pid=pid,
        at_s=at_s,
        name=name,
        arguments=tuple(part.strip() for part in arguments.split(",")),
        result=_number(result),
        error=tail.split()[0] if failed and tail.split() else "",
        seconds=float(seconds[1]) if seconds else 0.0,
    )


def _never_returned(waiting: dict[int, tuple[float, str]]) -> Iterator[Call]:
    """Calls that were under way when the process was killed: they happened, but have no result and
    no duration.
    """
    for pid, (at_s, text) in waiting.items():
        named = _NAMED.match(text)
        if named and named[1] in TRACED:
            arguments = tuple(part.strip() for part in text[named.end() :].split(","))
            yield Call(pid, at_s, named[1], arguments, None, "", 0.0)


def _number(word: str) -> int | None:
    try:
        return int(word, 0)
    except ValueError:
        return None


def _argument(call: Call, index: int) -> int:
    """A numeric argument, 0 where it is missing (a log may be cut anywhere)."""
    return (_number(call.arguments[index]) or 0) if index < len(call.arguments) else 0


def _bytes(call: Call) -> int:
    """Bytes that a successful call named, the program break's apart."""
    if call.name in COUNTED_AS:
        return call.result or 0
    return _argument(call, 2 if call.name == "mremap" else 1)


def is_anonymous(call: Call) -> bool:
    """Whether an mmap asked for memory and not for a file: the loader's maps of libraries are no
    allocator's doing.
    """
    return call.name == "mmap" and any("MAP_ANONYMOUS" in part for part in call.arguments)


@dataclass
class Tally:
    """Calls of one name: how many, how many failed, bytes named by the successful ones, seconds of
    all.
    """

    calls: int = 0
    failed: int = 0
    bytes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class MappedPoint:
    """Bytes mapped and not unmapped since the start, without and with the program break, at t_s
    after the first call.
    """

    t_s: float
    mapped_bytes: int
    mapped_brk_bytes: int


@dataclass
class Summary:
    """A log added up: tallies by name, anonymous mmaps, and the curve of mapped bytes."""

    by_name: dict[str, Tally]
    anonymous_mmaps: int
    mapped: list[MappedPoint]


def summarise(log: Log) -> Summary:
    """Adds a log up. A mapping with MAP_FIXED replaces one that is already counted and adds nothing
    to the curve.
    """
    by_name = {name: Tally() for name in CALLS}
    breaks: list[int] = []
    mapped: list[MappedPoint] = []
    anonymous = mapped_bytes = brk_bytes = 0
    calls = sorted(log.calls, key=lambda call: call.at_s)
    for call in calls:
        tally = by_name[COUNTED_AS.get(call.name, call.name)]
        tally.calls += 1
        tally.seconds += call.seconds
        anonymous += is_anonymous(call)
        if call.error:
            tally.failed += 1
            continue
        if call.name == "brk":
            growth = _brk_growth(call, breaks)
            brk_bytes += growth
            tally.bytes += abs(growth)
        else:
            tally.bytes += _bytes(call)
            mapped_bytes += _mapped_change(call)
        point = MappedPoint(call.at_s - calls[0].at_s, mapped_bytes, mapped_bytes + brk_bytes)
        mapped.append(point)
    return Summary(by_name, anonymous, mapped)


def _mapped_change(call: Call) -> int:
    if call.name == "mmap":
        replaces = any("MAP_FIXED" in part.split("|") for part in call.arguments)
        return 0 if replaces else _argument(call, 1)
    if call.name == "munmap":
        return -_argument(call, 1)
    if call.name == "mremap":
        return _argument(call, 2) - _argument(call, 1)
    return 0


def _brk_growth(call: Call, breaks: list[int]) -> int:
    """By how much this call moved its process's break.

    A log does not say which threads share a break, but breaks of different processes lie far apart:
    the nearest known one is the one that moved. brk(NULL) only asks, right after exec, and makes a
    new break known.
    """
    if call.result is None:
        return 0
    if call.arguments[0] == "NULL" or not breaks:
        if call.result not in breaks:
            breaks.append(call.result)
        return 0
    nearest = min(range(len(breaks)), key=lambda i: abs(breaks[i] - (call.result or 0)))
    growth = call.result - breaks[nearest]
    breaks[nearest] = call.result
    return growth


def thin(curve: list[MappedPoint], limit: int = 1000) -> list[MappedPoint]:
    """At most about `limit` points: the highest of every stretch of calls, and the very last."""
    if len(curve) <= limit:
        return curve
    stride = -(-len(curve) // limit)
    stretches = (curve[i : i + stride] for i in range(0, len(curve), stride))
    peaks = [max(stretch, key=lambda point: point.mapped_brk_bytes) for stretch in stretches]
    return [*peaks, curve[-1]] if peaks[-1] != curve[-1] else peaks


def process_calls(log: Log) -> int:
    """Forks, execs and exits of processes. Each process ends once, by itself or by a signal, and
    the first one was begun by strace.
    """
    return log.forks + log.execs + (log.forks + 1)


def metrics(summary: Summary, mallocs: int | None) -> dict[str, float]:
    """The metrics of the syscalls pass. mallocs is None for programs that do not count them.

    All calls of the process count, the loader's too, as `strace -c` would show them; only
    mmap_anon_calls leaves out the maps of files.
    """
    found: dict[str, float] = {}
    for name, tally in summary.by_name.items():
        found[f"{name}_calls"] = tally.calls
        found[f"{name}_bytes"] = tally.bytes
        found[f"{name}_s"] = tally.seconds
    found["kernel_memory_calls"] = sum(tally.calls for tally in summary.by_name.values())
    found["kernel_memory_s"] = sum(tally.seconds for tally in summary.by_name.values())
    found["mmap_anon_calls"] = summary.anonymous_mmaps
    if summary.mapped:
        found["mapped_peak_bytes"] = max(point.mapped_brk_bytes for point in summary.mapped)
        found["mmap_peak_bytes"] = max(point.mapped_bytes for point in summary.mapped)
    if mallocs is not None and summary.by_name["mmap"].calls:
        found["mallocs_per_mmap"] = mallocs / summary.by_name["mmap"].calls
    return found
