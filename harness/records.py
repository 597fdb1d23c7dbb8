"""runs.jsonl: one line per process, added so that neither a crash nor a full disk can take an
earlier line away.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import StorageError

Record = dict[str, Any]


class RecordFile:
    """The open runs.jsonl of one run. Only one harness at a time may hold it; the lock goes when
    the process ends.
    """

    def __init__(self, path: Path) -> None:
        """Opens or creates the file and cuts off a last line that an earlier crash left torn.
        Raises StorageError.
        """
        self.path = path
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StorageError(f"{path}: cannot be opened for writing: {error.strerror}") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            raise StorageError(f"{path}: another harness is writing to this run") from error
        self._cut_torn_line()

    def append(self, record: Record) -> None:
        """Adds one record as one write() and waits until the disk has it. A failed write leaves no
        half line behind.
        """
        line = encode(record)
        size = os.fstat(self._fd).st_size
        try:
            written = os.write(self._fd, line)
            if written != len(line):
                raise OSError(28, "only a part of the record could be written, the disk is full")
            os.fsync(self._fd)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, size)
            raise StorageError(f"{self.path}: cannot add a record: {error.strerror}") from error

    def close(self) -> None:
        """Closes the file and gives the lock back."""
        os.close(self._fd)

    def _cut_torn_line(self) -> None:
        content = self.path.read_bytes()
        complete = content.rfind(b"\n") + 1
        if complete != len(content):
            os.ftruncate(self._fd, complete)


def encode(record: Record) -> bytes:
    """A record as its line. NaN and infinity are refused: JSON has neither."""
    return json.dumps(record, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def read_records(path: Path) -> list[Record]:
    """The complete records of a file; [] when there is none. Raises StorageError that names a
    damaged line.

    A later record of the same run replaces the earlier one: that is how a run is refused after the
    fact.
    """
    return list({r["run"]: r for r in _records(path)}.values()) if path.exists() else []


def _records(path: Path) -> Iterator[Record]:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from error
    for number, line in enumerate(
        lines[:-1], start=1
    ):  # what follows the last line end is torn or empty
        try:
            yield json.loads(line)
        except ValueError as error:
            raise StorageError(f"{path}: line {number} is damaged: {error}") from error


def write_whole(path: Path, text: str) -> None:
    """Writes a file so that readers see the old or the new content, never a part. Raises
    StorageError.
    """
    draft = path.with_name(path.name + ".part")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise StorageError(f"{path}: cannot be written: {error.strerror}") from error
