"""Every figure draws, in print and on screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from stats.errors import DataError
from stats.estimates.analysis import Study, analyse
from stats.figures import Plot, plot, plots, write_figures
from stats.load import Run
from stats.tidy.metrics import registry
from tests.stats.synthetic import base_record

NAMES = sorted(plots())
ALWAYS = ["overview", "spread"]
PER_WORKLOAD = [
    "forest",
    "threads",
    "footprint",
    "latency",
    "kernel_calls",
    "memory_speed",
    "net_mapped",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_says_what_it_is_and_needs_registered_metrics(name: str) -> None:
    figure = plot(name)
    assert figure.title
    assert len(figure.caption) > 60
    assert all(metric in registry() for metric in figure.module.NEEDS)


@pytest.mark.parametrize("name", [*ALWAYS, *PER_WORKLOAD])
def test_a_figure_draws_the_planted_run(name: str, planted: Study) -> None:
    figure = plot(name)
    views = figure.views(planted)
    assert len(views) == (len(planted.cases) if name in PER_WORKLOAD else 1)
    for _, view in views:
        printed, shown = figure.draw(view), figure.interactive(view)
        assert printed is not None
        assert any(axis.has_data() or axis.texts for axis in printed.axes)
        assert len(shown.data) > 0


def test_files_are_written_in_each_format_and_are_repeatable(
    planted: Study, tmp_path: Path
) -> None:
    figure = plot("spread")
    first = write_figures(planted, figure, tmp_path / "a", ["png", "svg", "pdf"])
    again = write_figures(planted, figure, tmp_path / "b", ["png", "svg", "pdf"])
    assert [p.name for p in first] == ["spread.png", "spread.svg", "spread.pdf"]
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in again]


@pytest.mark.parametrize("name", NAMES)
def test_a_run_without_the_metrics_has_no_figure(name: str, tmp_path: Path) -> None:
    record = base_record("r", 0, "ptmalloc", "w", "", 1, "time") | {
        "metrics": {"major_faults": 1.0}
    }
    study = analyse(Run(tmp_path, {}, {}, [record]))
    assert write_figures(study, plot(name), tmp_path, ["png"]) == []


def test_limits_are_hollow_and_dotted(planted: Study) -> None:
    bump = planted.cast["bump"]
    assert (bump.hollow, bump.dash) == (True, ":")


def test_an_unknown_figure_is_answered_with_the_known_ones() -> None:
    with pytest.raises(DataError, match=r"pick one of all, .*forest"):
        plot("pie")


def test_a_plot_with_too_little_to_show_is_none(planted: Study) -> None:
    (case, *_) = planted.cases
    one_thread = Plot("threads", plot("threads").module)
    alone = analyse(
        Run(planted.run.path, {}, {}, [r for r in planted.run.records if r["threads"] == 1])
    )
    assert one_thread.draw(alone.only(case)) is None
