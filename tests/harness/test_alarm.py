"""What a session says and returns when the report's self-test raises an alarm."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import messages, session
from records.record import Record
from tests.stats.synthetic import base_record

RECORDS: list[Record] = [base_record("r", 0, "a", "w", "", 1, "time")]


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (0, 0, "processes: 1 ok"),
        (messages.REPORT_WITH_ALARM, 1, "./stats.py selftest"),
        (2, 1, "the report failed"),
    ],
)
def test_an_alarm_is_said_and_is_no_success(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: int,
    text: str,
) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"finished": None}))
    monkeypatch.setattr(messages, "make", lambda *_: status)
    setup: Any = SimpleNamespace(run_dir=tmp_path)
    assert session._finish(tmp_path, setup, RECORDS, with_report=True) == code
    assert text in capsys.readouterr().err


def test_the_status_of_an_alarm_is_the_one_that_stats_gives() -> None:
    from stats.verbs.report import ALARM_STATUS

    assert messages.REPORT_WITH_ALARM == ALARM_STATUS
