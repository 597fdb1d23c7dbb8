"""Damaged, cut and nonsensical traces are refused with an offset, by both readers."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from stats.errors import DataError
from stats.trace.trace_file import ALIGNED, FREE, MALLOC, REALLOC, read_trace
from tests.tools import trace_writer as by_hand
from tests.tools.recording import ALLOC_RECORD, BUILD
from tests.tools.trace_writer import Event

EVENTS = [
    Event(MALLOC, size=100),
    Event(ALIGNED, size=300, align_log2=8, thread=1),
    Event(REALLOC, size=5000, maker=0),
    Event(FREE, maker=1),
    Event(FREE),
    Event(FREE, maker=2, thread=1),
]


def python_refusal(path: Path) -> str:
    """What the Python reader says about the file; "" when it accepts it."""
    try:
        read_trace(path)
    except DataError as error:
        return str(error)
    return ""


def c_refusals(folder: Path) -> dict[str, str]:
    """What the C reader says about the files of `folder` that it refuses, by name."""
    paths = sorted(folder.iterdir())
    done = subprocess.run(
        [ALLOC_RECORD, "check", *paths], capture_output=True, text=True, timeout=60
    )
    lines = (line.removeprefix("alloc-record: ") for line in done.stderr.splitlines())
    return {Path(line.partition(":")[0]).name: line for line in lines}


def refused_by_both(folder: Path, files: dict[str, bytes]) -> None:
    """Asserts that neither reader accepts any of the files and that both name an offset."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    c_says = c_refusals(folder)
    for name in files:
        assert "offset" in c_says.get(name, "accepted"), name
        assert "offset" in python_refusal(folder / name), name


def test_both_readers_accept_what_is_right(tmp_path: Path) -> None:
    path = by_hand.write(tmp_path / "right", EVENTS)
    assert c_refusals(tmp_path) == {}
    trace = read_trace(path)
    assert list(trace.op) == [event.op for event in EVENTS]
    assert list(trace.maker) == [-1, -1, 0, 1, -1, 2]
    assert list(trace.size) == [100, 300, 5000, 0, 0, 0]
    assert list(trace.thread) == [0, 1, 0, 0, 0, 1]
    assert trace.alignment[1] == 256
    assert trace.marks.tolist() == [[0, 1000]]


def test_every_single_flipped_byte_is_found(tmp_path: Path) -> None:
    right = by_hand.trace(EVENTS, per_chunk=3)
    flipped = {}
    for at in range(len(right)):
        data = bytearray(right)
        data[at] ^= 1 << at % 8
        flipped[f"{at:04}"] = bytes(data)
    refused_by_both(tmp_path, flipped)


def test_every_cut_is_found_and_so_is_what_follows_the_end(tmp_path: Path) -> None:
    right = by_hand.trace(EVENTS, per_chunk=3)
    files = {f"{length:04}": right[:length] for length in range(len(right))}
    refused_by_both(tmp_path, {**files, "longer": right + b"\0", "twice": right + right})


def test_the_offset_is_that_of_the_damaged_chunk(tmp_path: Path) -> None:
    right = bytearray(by_hand.trace(EVENTS, per_chunk=3))
    second = right.index(b"blck", right.index(b"blck", right.index(b"blck") + 4) + 4)
    right[second + 50] ^= 1
    (tmp_path / "damaged").write_bytes(right)
    assert f"offset {second}:" in python_refusal(tmp_path / "damaged")
    assert f"offset {second}:" in c_refusals(tmp_path)["damaged"]


def middle(plain: bytes, events: int = 1, first: int = 0, kind: int = by_hand.EVENTS) -> bytes:
    """A trace whose only EVENTS chunk has this content and a right checksum."""
    end = by_hand.chunk(by_hand.END, by_hand.totals(EVENTS[:events]), events)
    return by_hand.head() + by_hand.meta() + by_hand.chunk(kind, plain, first, events) + end


def raw_columns(*columns: bytes) -> bytes:
    """An EVENTS chunk of six given columns."""
    return b"".join(len(c).to_bytes(4, "little") for c in columns) + b"".join(columns)


RUN, SIZE = by_hand.leb(0, 1), by_hand.leb(100)
NONSENSE: dict[str, Callable[[], bytes]] = {
    "no meta": lambda: by_hand.head() + by_hand.chunk(by_hand.END, by_hand.totals([])),
    "two metas": lambda: by_hand.head() + by_hand.meta() + by_hand.meta(),
    "unknown kind": lambda: middle(b"", 0, kind=9),
    "unknown version": lambda: by_hand.head(version=7) + by_hand.meta(),
    "other magic": lambda: by_hand.head(b"notatrac") + by_hand.meta(),
    "unknown operation": lambda: middle(raw_columns(RUN, b"\7", b"", b"", b"", b"")),
    "no size": lambda: middle(raw_columns(RUN, b"\0", b"", b"", b"", b"")),
    "open number": lambda: middle(raw_columns(RUN, b"\0", b"\x80", b"", b"", b"")),
    "a size too many": lambda: middle(raw_columns(RUN, b"\0", SIZE * 2, b"", b"", b"")),
    "no thread": lambda: middle(raw_columns(b"", b"\0", SIZE, b"", b"", b"")),
    "run too long": lambda: middle(raw_columns(by_hand.leb(0, 2), b"\0", SIZE, b"", b"", b"")),
    "older than the trace": lambda: middle(raw_columns(RUN, b"\4", b"", b"", SIZE, b"")),
    "too short": lambda: middle(b"abc"),
    "columns past the end": lambda: middle(b"\xff" * 24),
    "wrong first number": lambda: middle(by_hand.columns(EVENTS[:1]), first=5),
    "wrong totals": lambda: (
        by_hand.head() + by_hand.meta() + by_hand.chunk(by_hand.END, by_hand.totals(EVENTS))
    ),
}


def test_right_checksums_do_not_make_nonsense_acceptable(tmp_path: Path) -> None:
    refused_by_both(tmp_path, {name: make() for name, make in NONSENSE.items()})


@pytest.mark.parametrize(
    "events",
    [
        [Event(MALLOC, size=1), Event(FREE, maker=0), Event(FREE, maker=0)],
        [Event(MALLOC, size=1), Event(FREE), Event(FREE, maker=1)],
        [Event(MALLOC, size=1), Event(FREE, maker=0), Event(REALLOC, size=2, maker=0)],
    ],
    ids=["freed twice", "a free is no object", "realloc of the dead"],
)
def test_a_replay_refuses_a_trace_that_contradicts_itself(
    tmp_path: Path, events: list[Event]
) -> None:
    path = by_hand.write(tmp_path / "wrong", events)
    command: list[str | Path] = [BUILD / "memtest-ptmalloc", "replay", path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert f"event {len(events) - 1}: it frees an object that is not alive" in done.stderr


def test_a_replay_says_where_a_file_is_damaged(tmp_path: Path) -> None:
    data = by_hand.trace(EVENTS)
    (tmp_path / "cut").write_bytes(data[:-3])
    done = subprocess.run(
        [BUILD / "memtest-ptmalloc", "replay", tmp_path / "cut"],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 2
    assert f"offset {data.rindex(b'blck')}:" in done.stderr
    assert "cut off" in done.stderr
