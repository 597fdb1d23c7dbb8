"""Errors that end a run with one message, and the message for an unknown name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HarnessError(Exception):
    """An error to be shown to the user without a traceback; the message is complete.

    exit_code is what the process ends with: 2 for a wrong call or experiment, 1 for a run that
    could not go on.
    """

    exit_code = 1


class UsageError(HarnessError):
    """A wrong option, name or experiment file: nothing was measured because of it."""

    exit_code = 2


class Interrupted(Exception):
    """SIGINT, SIGTERM or SIGHUP arrived: the run ends now, and all records are kept."""


def unknown_name(what: str, name: str, known: Iterable[str]) -> str:
    """A sentence that refuses `name` and offers the nearest of `known`, or all of them when none is
    near.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"unknown {what} '{name}'; did you mean '{near[0]}'?"
    return f"unknown {what} '{name}'; there are: {', '.join(names) if names else 'none'}"
