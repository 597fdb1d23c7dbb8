"""Reads allocation traces (docs/trace-format.md) into numpy columns; damaged files are refused with
the offset of the chunk in which it shows.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from stats.errors import DataError

Int64 = npt.NDArray[np.int64]
Uint8 = npt.NDArray[np.uint8]

MALLOC, CALLOC, ALIGNED, REALLOC, FREE, INHERITED, THREAD_END = range(7)
OP_NAMES = ("malloc", "calloc", "aligned", "realloc", "free", "inherited", "thread_end")
ACQUIRES = (MALLOC, CALLOC, ALIGNED, REALLOC, INHERITED)
RELEASES = (REALLOC, FREE)

_FILE_HEAD = struct.Struct("<8sII")
_CHUNK_HEAD = struct.Struct("<4sIQIIII")
_CRC_AT = _CHUNK_HEAD.size - 4
_COLUMNS = struct.Struct("<6I")
_VERSION = 1
_META, _EVENTS, _END = 1, 2, 3
_UNPACKED_MAX = 65536 * 64
_TOTALS = (
    "events",
    "threads",
    "acquires",
    "releases",
    "live_peak_bytes",
    "live_peak_objects",
    "duration_ns",
    "inherited",
    "refused",
    "lost",
    "torn",
    "unseen",
    "unknown",
)


@dataclass(frozen=True)
class Trace:
    """A whole trace; the arrays have one entry per event, in the order in which they happened.

    op         MALLOC ... THREAD_END
    thread     0, 1, ... in the order of their first events
    size       bytes asked for, of events that acquire; else 0
    alignment  bytes, of ALIGNED; else 0
    maker      of events that release: number of the event that made the object; -1: none, or NULL
    marks      rows (event, nanoseconds since the program's start)
    meta       what the file says about the program
    totals     counts kept by the converter; see struct trace_totals in memtest/trace/format.h
    """

    op: Uint8
    thread: npt.NDArray[np.int32]
    size: Int64
    alignment: Int64
    maker: Int64
    marks: Int64
    meta: dict[str, Any]
    totals: dict[str, int]

    def __len__(self) -> int:
        return len(self.op)


@dataclass(frozen=True)
class _Chunk:
    kind: int
    first_event: int
    events: int
    data: bytes
    offset: int


def read_trace(path: Path) -> Trace:
    """The trace at `path`. Raises DataError with the offset when it is cut off or damaged."""
    data = path.read_bytes()
    _check_file_head(path, data)
    chunks = _chunks(path, data)
    parts = [_events(path, chunk) for chunk in chunks if chunk.kind == _EVENTS]
    columns = {
        name: np.concatenate([part[name] for part in parts]) if parts else empty
        for name, empty in _no_events().items()
    }
    totals = dict(zip(_TOTALS, struct.unpack(f"<{len(_TOTALS)}Q", chunks[-1].data), strict=True))
    if totals["events"] != len(columns["op"]):
        raise _refusal(path, chunks[-1].offset, "the totals do not fit the events")
    return Trace(**columns, meta=json.loads(chunks[0].data), totals=totals)


def _refusal(path: Path, offset: int, what: str) -> DataError:
    return DataError(f"{path}: offset {offset}: {what}. Record the program again")


def _check_file_head(path: Path, data: bytes) -> None:
    if len(data) < _FILE_HEAD.size:
        raise _refusal(path, 0, "too short for a trace")
    magic, version, crc = _FILE_HEAD.unpack_from(data)
    if magic != b"alctrace":
        raise _refusal(path, 0, "this is no allocation trace")
    if crc != zlib.crc32(data[:12]):
        raise _refusal(path, 0, "the checksum of the head is wrong: the file is damaged")
    if version != _VERSION:
        raise _refusal(path, 0, f"version {version} of the format; this program reads {_VERSION}")


def _chunks(path: Path, data: bytes) -> list[_Chunk]:
    """All chunks, checked and unpacked; the first is the metadata, the last the totals."""
    chunks: list[_Chunk] = []
    offset, next_event = _FILE_HEAD.size, 0
    while not chunks or chunks[-1].kind != _END:
        chunk, end = _chunk(path, data, offset)
        if chunk.first_event != next_event or (chunk.kind == _META) != (not chunks):
            raise _refusal(path, offset, "the chunks are out of order")
        chunks.append(chunk)
        next_event += chunk.events
        offset = end
    if offset != len(data):
        raise _refusal(path, offset, f"{len(data) - offset} bytes follow after the end")
    if len(chunks[-1].data) != 8 * len(_TOTALS):
        raise _refusal(path, chunks[-1].offset, "the totals have the wrong length")
    return chunks


def _chunk(path: Path, data: bytes, offset: int) -> tuple[_Chunk, int]:
    body = offset + _CHUNK_HEAD.size
    if body > len(data):
        raise _refusal(path, offset, "the file ends here without its totals: it is cut off")
    magic, kind, first, events, packed, unpacked, crc = _CHUNK_HEAD.unpack_from(data, offset)
    if magic != b"blck":
        raise _refusal(path, offset, "there is no chunk here: the file is damaged")
    if body + packed > len(data):
        raise _refusal(path, offset, f"the chunk needs {packed} bytes: the file is cut off")
    content = data[body : body + packed]
    if crc != zlib.crc32(content, zlib.crc32(data[offset : offset + _CRC_AT])):
        raise _refusal(path, offset, "the checksum of the chunk is wrong: the file is damaged")
    if kind not in (_META, _EVENTS, _END) or unpacked > _UNPACKED_MAX:
        raise _refusal(path, offset, "the chunk is none that the format allows")
    try:
        plain = zlib.decompressobj().decompress(content, _UNPACKED_MAX + 1)
    except zlib.error as error:
        raise _refusal(path, offset, f"the chunk does not unpack: {error}") from error
    if len(plain) != unpacked:
        raise _refusal(path, offset, "the chunk unpacks to a length that it does not promise")
    return _Chunk(kind, first, events, plain, offset), body + packed


def _no_events() -> dict[str, Any]:
    return {
        "op": np.zeros(0, np.uint8),
        "thread": np.zeros(0, np.int32),
        "size": np.zeros(0, np.int64),
        "alignment": np.zeros(0, np.int64),
        "maker": np.zeros(0, np.int64),
        "marks": np.zeros((0, 2), np.int64),
    }


def _numbers(column: Uint8) -> Int64:
    """All LEB128 numbers of a column. Raises ValueError when the last one does not end."""
    ends = np.flatnonzero(column < 0x80)
    if len(column) and (len(ends) == 0 or ends[-1] != len(column) - 1):
        raise ValueError("a number does not end")
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    lengths = ends - starts + 1
    values = np.zeros(len(ends), np.int64)
    for place in range(int(lengths.max(initial=0))):
        longer = lengths > place
        digit = column[starts[longer] + place].astype(np.int64) & 0x7F
        values[longer] |= digit << np.int64(7 * place)
    return values


def _events(path: Path, chunk: _Chunk) -> dict[str, Any]:
    """The columns of one chunk, spread over its events."""
    try:
        return _spread(chunk)
    except (ValueError, struct.error, IndexError) as error:
        raise _refusal(path, chunk.offset, f"the events make no sense: {error}") from error


def _spread(chunk: _Chunk) -> dict[str, Any]:
    lengths = _COLUMNS.unpack_from(chunk.data)
    bounds = np.cumsum([_COLUMNS.size, *lengths])
    if bounds[-1] != len(chunk.data):
        raise ValueError("the columns do not fill their chunk")
    data = np.frombuffer(chunk.data, np.uint8)
    sequences, op, sizes, aligns, backs, marks = (data[low:high] for low, high in pairwise(bounds))
    count = chunk.events
    if len(op) != count or (count and op.max() > THREAD_END):
        raise ValueError("unknown operations")
    threads, repeats = _numbers(sequences).reshape(-1, 2).T
    back = _on(np.isin(op, RELEASES), _numbers(backs))
    number = chunk.first_event + np.arange(count, dtype=np.int64)
    if (back > number).any():
        raise ValueError("an object is older than the trace")
    time = _numbers(marks).reshape(-1, 2) + np.array([chunk.first_event, 0])
    thread = np.repeat(threads, repeats).astype(np.int32)
    if len(thread) != count:
        raise ValueError("the threads do not cover the chunk")
    return {
        "op": op,
        "thread": thread,
        "size": _on(np.isin(op, ACQUIRES), _numbers(sizes)),
        "alignment": _on(op == ALIGNED, np.int64(1) << aligns.astype(np.int64)),
        "maker": np.where(back > 0, number - back, -1),
        "marks": time,
    }


def _on(where: npt.NDArray[np.bool_], values: Int64) -> Int64:
    """`values` in order at the places that are true, 0 elsewhere. Raises ValueError on a misfit."""
    if int(where.sum()) != len(values):
        raise ValueError("a column has the wrong number of entries")
    spread = np.zeros(len(where), np.int64)
    spread[where] = values
    return spread
