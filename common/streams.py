"""Standard streams that no terminal, pipe or locale can break."""

from __future__ import annotations

import codecs
import io
import os
import sys

# What our tables and messages use beyond ASCII, for encodings that lack it. A tick printed as
# "?" would read as "inconclusive".
PLAIN = {
    "✓": "+",
    "✗": "x",
    "·": ".",
    "–": "-",
    "−": "-",
    "×": "x",
    "∞": "inf",
    "µ": "u",
    "’": "'",
    "…": "...",
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "±": "+-",
}
HANDLER = "alloclab-plain"


def in_plain_letters(error: UnicodeError) -> tuple[str, int]:
    """The codecs error handler: a letter that the encoding lacks becomes its like of PLAIN or "?", a
    byte of a path that is no text becomes \\xNN.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return PLAIN.get(letter, "?")


def prepare() -> None:
    """To be called first by a program: closed standard descriptors lead to /dev/null, where else the
    next file that is opened would take their numbers; and what is printed is never refused for its
    letters.
    """
    codecs.register_error(HANDLER, in_plain_letters)
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, io.TextIOWrapper(io.FileIO(os.devnull, "w"), encoding="utf-8"))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)


def hush() -> None:
    """After a BrokenPipeError: what is still buffered goes nowhere, so that the interpreter does not
    complain at its end.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())
