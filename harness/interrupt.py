"""Turns SIGINT, SIGTERM and SIGHUP into a request to stop, so that no record is cut."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType


class StopRequest:
    """While entered, SIGINT, SIGTERM and SIGHUP only set a flag, which the loops that wait for
    processes look at.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[signal.Signals, object] = {}

    def __call__(self) -> bool:
        return self.requested

    def __enter__(self) -> StopRequest:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
