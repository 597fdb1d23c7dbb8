"""runs.jsonl, one line per process: appending so that neither a crash nor a full disk loses an
earlier line, and reading, from a plain or an .xz file.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import lzma
import os
from pathlib import Path
from typing import Any, cast

from records.record import Record, RecordError, problem, violation

RUNS = "runs.jsonl"


class RecordFile:
    """The open runs.jsonl of one run. Only one process at a time may hold it; closing it or ending
    the process releases the lock.
    """

    def __init__(self, path: Path) -> None:
        """Opens or creates the file and removes an incomplete last line, which an earlier crash may
        have left. Raises RecordError.
        """
        self.path = path
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise RecordError(f"{path}: cannot be opened for writing: {error.strerror}") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            raise RecordError(
                f"{path}: another harness is writing to this run; "
                "help: wait until it has ended, or name another --out"
            ) from error
        content = self.path.read_bytes()
        complete = content.rfind(b"\n") + 1
        if complete != len(content):
            os.ftruncate(self._fd, complete)

    def append(self, record: Record) -> None:
        """Checks one record against schema.json, adds it as one write() and waits until the disk
        has it. A failed write leaves no partial line. Raises RecordError.
        """
        line = encode(record)
        size = os.fstat(self._fd).st_size
        try:
            if os.write(self._fd, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._fd)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, size)
            raise RecordError(f"{self.path}: cannot add a record: {error.strerror}") from error

    def close(self) -> None:
        """Closes the file and releases the lock."""
        os.close(self._fd)


def encode(record: Record) -> bytes:
    """A record as its line. Raises RecordError for one that schema.json or JSON (NaN) forbids."""
    name = record.get("run", "without a name")
    if fault := violation(record):
        raise RecordError(f"the record {name} does not fit records/schema.json: {fault}")
    try:
        return json.dumps(record, separators=(",", ":"), allow_nan=False).encode() + b"\n"
    except ValueError as error:
        raise RecordError(f"the record {name} cannot be written as JSON: {error}") from error


def read_text(path: Path) -> str:
    """The text of `path`, or of `path`.xz where only that exists. Raises RecordError."""
    packed = path.with_name(path.name + ".xz")
    try:
        if path.exists() or not packed.exists():
            return path.read_text(encoding="utf-8")
        return lzma.decompress(packed.read_bytes()).decode("utf-8")
    except FileNotFoundError:
        raise RecordError(
            f"{path} is missing; help: name a folder that harness.sh wrote, as under results/local/"
        ) from None
    except (OSError, lzma.LZMAError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise RecordError(
            f"{path} cannot be read ({reason}); help: check the file's permissions, or copy it again"
        ) from None


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in `path` or `path`.xz, {} where neither exists. Raises RecordError."""
    if not path.exists() and not path.with_name(path.name + ".xz").exists():
        return {}
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise RecordError(
            f"{path} line {error.lineno}: not valid JSON; help: restore the file, or measure again"
        ) from None
    if not isinstance(content, dict):
        raise RecordError(f"{path}: not a JSON object; help: restore the file, or measure again")
    return content


def read_records(path: Path) -> list[Record]:
    """The records of a run that may still be going on: [] where the file does not exist, and an
    incomplete last line does not count. Raises RecordError.
    """
    if not path.exists():
        return []
    return list(_decode(read_text(path).rpartition("\n")[0], str(path)).values())


def parse_records(text: str, name: str = RUNS) -> list[Record]:
    """Every record in `text`, one JSON object per line.

    The last record of a process counts: a resumed run may measure it again, and a process may be
    refused once others of its case have ended. Raises RecordError, which names the line, for a line
    that is no record and for a text without any.
    """
    records = _decode(text, name)
    if not records:
        raise RecordError(
            f"{name} holds no record: nothing has been measured; "
            "help: run ./harness.sh EXPERIMENT --resume --out DIR"
        )
    return list(records.values())


def _decode(text: str, name: str) -> dict[str, Record]:
    records: dict[str, Record] = {}
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{name} line {number}"
        try:
            record = json.loads(line)
        except (json.JSONDecodeError, RecursionError):
            if number == len(lines):
                raise RecordError(
                    f"{where}: the last line is incomplete, its writing was interrupted; "
                    "help: go on with ./harness.sh EXPERIMENT --resume --out DIR"
                ) from None
            raise RecordError(
                f"{where}: not valid JSON; help: delete that line, or measure again"
            ) from None
        if fault := problem(record):
            raise RecordError(
                f"{where}: malformed record, {fault}; help: delete that line, or measure again"
            )
        records[record["run"]] = cast(Record, record)
    return records


def write_whole(path: Path, text: str) -> None:
    """Writes a file so that readers see the old or the new content, never a part. Raises
    RecordError.
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
        raise RecordError(f"{path}: cannot be written: {error.strerror}") from error
