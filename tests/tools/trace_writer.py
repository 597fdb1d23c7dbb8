"""Writes traces by hand, right ones and wrong ones: a second implementation of docs/trace-format.md
that keeps the first honest.
"""

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from stats.trace.trace_file import ACQUIRES, ALIGNED, RELEASES

META, EVENTS, END = 1, 2, 3


@dataclass(frozen=True)
class Event:
    """One event; `maker` is the number of the event that made what it gives up, None: NULL."""

    op: int
    thread: int = 0
    size: int = 0
    align_log2: int = 4
    maker: int | None = None


def leb(*numbers: int) -> bytes:
    """The numbers in LEB128."""
    out = bytearray()
    for number in numbers:
        while number >= 0x80:
            out.append(number & 0x7F | 0x80)
            number >>= 7
        out.append(number)
    return bytes(out)


def head(magic: bytes = b"alctrace", version: int = 1) -> bytes:
    """The head of the file."""
    start = magic + struct.pack("<I", version)
    return start + struct.pack("<I", zlib.crc32(start))


def chunk(kind: int, plain: bytes, first_event: int = 0, events: int = 0) -> bytes:
    """One chunk with a right checksum, whatever is in it."""
    packed = zlib.compress(plain)
    start = struct.pack("<4sIQIII", b"blck", kind, first_event, events, len(packed), len(plain))
    return start + struct.pack("<I", zlib.crc32(packed, zlib.crc32(start))) + packed


def columns(events: Sequence[Event], first: int = 0) -> bytes:
    """The content of an EVENTS chunk."""
    sequences = [(thread, len(list(group))) for thread, group in groupby(e.thread for e in events)]
    parts = (
        b"".join(leb(*each) for each in sequences),
        bytes(e.op for e in events),
        leb(*(e.size for e in events if e.op in ACQUIRES)),
        bytes(e.align_log2 for e in events if e.op == ALIGNED),
        leb(
            *(
                0 if e.maker is None else number - e.maker
                for number, e in enumerate(events, first)
                if e.op in RELEASES
            )
        ),
        leb(0, 1000),
    )
    return struct.pack("<6I", *map(len, parts)) + b"".join(parts)


def totals(events: Sequence[Event], **other: int) -> bytes:
    """The content of the END chunk."""
    counts = {
        "events": len(events),
        "threads": 1 + max((e.thread for e in events), default=-1),
        "acquires": sum(e.op in ACQUIRES for e in events),
        "releases": sum(e.op in RELEASES and e.maker is not None for e in events),
        **other,
    }
    return struct.pack("<13Q", *counts.values(), *[0] * (13 - len(counts)))


def meta() -> bytes:
    """The META chunk."""
    return chunk(META, json.dumps({"command": ["by hand"]}).encode())


def trace(events: Sequence[Event], per_chunk: int = 50) -> bytes:
    """A right trace of these events."""
    chunks = [
        chunk(EVENTS, columns(part, first), first, len(part))
        for first in range(0, len(events), per_chunk)
        if (part := events[first : first + per_chunk])
    ]
    return head() + meta() + b"".join(chunks) + chunk(END, totals(events), len(events))


def write(path: Path, events: Sequence[Event]) -> Path:
    """Writes a right trace of these events; returns its path."""
    path.write_bytes(trace(events))
    return path
