"""The registry of metrics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.passes import NAMES as PASS_NAMES
from stats.cli import main
from stats.errors import DataError
from stats.tidy import metrics as registry_module
from stats.tidy.metrics import REGISTRY_FILE, parse_registry, registry
from tests.stats.synthetic import Plan, write_run


def test_every_entry_is_complete_and_well_formed() -> None:
    for metric in registry():
        assert metric.direction in ("lower", "higher", "none"), metric.name
        assert metric.pass_name in PASS_NAMES
        assert metric.meaning.endswith("."), metric.name


def test_names_end_in_their_unit() -> None:
    endings = {"s": "_s", "bytes": "_bytes", "calls": "_calls", "byte*s": "_byte_s"}
    for metric in registry():
        ending = endings.get(metric.unit, "")
        name = metric.name.removesuffix("_net")
        assert name.endswith(ending) or name == "mind_messages", metric.name


def test_a_metric_marked_net_adds_its_net_metric() -> None:
    text = (
        '[metric.x_calls]\nunit="calls"\npass="syscalls"\ndirection="lower"\nmeaning="X."\nnet=true'
    )
    metrics = parse_registry(text)
    assert [m.name for m in metrics] == ["x_calls", "x_calls_net"]
    assert not metrics["x_calls_net"].net


def test_wall_and_cpu_time_are_the_primary_metrics() -> None:
    assert [m.name for m in registry() if m.primary] == ["wall_s", "cpu_s"]


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(DataError, match="pick one of wall_s"):
        registry()["speed"]


ENTRY = """
[metric.futex_calls]
unit = "calls"
pass = "syscalls"
direction = "lower"
meaning = "Calls of futex, by which threads wait for each other."
net = true
headline = true
"""


@pytest.fixture
def one_entry_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The registry with ENTRY at its end."""
    file = tmp_path / "metrics.toml"
    file.write_text(REGISTRY_FILE.read_text(encoding="utf-8") + ENTRY, encoding="utf-8")
    monkeypatch.setattr(registry_module, "REGISTRY_FILE", file)
    registry.cache_clear()
    yield
    registry.cache_clear()


@pytest.mark.usefixtures("one_entry_more")
def test_one_new_entry_is_compared_and_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path / "run", Plan(passes={"time": 2, "syscalls": 2}, threads=[1]))
    assert '"futex_calls"' in (run / "runs.jsonl").read_text()
    for name in ("futex_calls", "futex_calls_net"):
        assert main(["table", str(run), "--metric", name]) == 0
        assert f"{name}: values" in capsys.readouterr().out
    assert main(["report", str(run), "--out", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("by which threads wait for each other") == 2  # its table, the glossary
    assert (tmp_path / "out" / "tables" / "overall_futex_calls.csv").exists()
    assert "futex_calls_net" in (tmp_path / "out" / "tidy.csv").read_text()
