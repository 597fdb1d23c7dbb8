"""The registry of metrics."""

from __future__ import annotations

import pytest

from stats.errors import DataError
from stats.tidy.metrics import parse_registry, registry


def test_every_entry_is_complete_and_well_formed() -> None:
    for metric in registry():
        assert metric.direction in ("lower", "higher", "none"), metric.name
        assert metric.home_pass in (
            "time",
            "latency",
            "memory",
            "syscalls",
            "counters",
            "instructions",
        )
        assert metric.meaning.endswith("."), metric.name
        assert metric.word(1.0) != metric.word(-1.0)


def test_names_end_in_their_unit() -> None:
    endings = {"s": "_s", "bytes": "_bytes", "calls": "_calls", "byte*s": "_byte_s"}
    for metric in registry():
        ending = endings.get(metric.unit, "")
        name = metric.name.removesuffix("_net")
        assert name.endswith(ending) or name == "mind_messages", metric.name


def test_a_metric_marked_net_brings_its_net_twin() -> None:
    text = (
        '[metric.x_calls]\nunit="calls"\npass="syscalls"\ndirection="lower"\nmeaning="X."\nnet=true'
    )
    metrics = parse_registry(text)
    assert [m.name for m in metrics] == ["x_calls", "x_calls_net"]
    assert not metrics["x_calls_net"].net


def test_words_follow_the_direction() -> None:
    assert registry()["wall_s"].word(-0.1) == "faster"
    assert registry()["ops_per_s"].word(-0.1) == "slower"
    assert registry()["ops_per_s"].is_good(0.1)
    assert not registry()["rss_peak_bytes"].is_good(0.1)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(DataError, match="pick one of wall_s"):
        registry()["speed"]
