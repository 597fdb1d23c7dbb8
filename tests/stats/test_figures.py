"""Every file in stats/figures/ is a figure that draws synthetic data, in print and on screen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stats import figures
from stats.cli import main
from stats.errors import DataError
from stats.estimates.analysis import Analysis, analyse
from stats.figures import Plot, plot, plots, write_figures
from stats.report.page import write_page
from stats.tidy.metrics import registry
from stats.tidy.run import Run
from tests.stats.synthetic import base_record, shm_records

NAMES = sorted(plots())


@pytest.fixture(scope="module")
def everything(planted: Analysis) -> Analysis:
    """The planted run with every metric of the registry, and with records of shm-bench."""
    run = planted.run
    return analyse(Run(run.path, run.manifest, run.plan, [*run.records, *shm_records()]))


def faults(figure: Plot, analysis: Analysis) -> list[str]:
    """What keeps a figure from standing in a report; empty for a good one."""
    found = [f"{name} has no entry" for name in figure.module.NEEDS if name not in registry()]
    if not figure.title or len(figure.caption) < 60:
        found.append("no title, or no caption that explains the figure")
    drawn = [view for _, view in figure.views(analysis) if _is_drawn(figure, view)]
    shown = [figure.interactive(view) for view in drawn]
    if not drawn:
        found.append("nothing is drawn of the synthetic run")
    if hasattr(figure.module, "interactive") and not all(s and len(s.data) for s in shown):
        found.append("nothing is shown on screen where something is printed")
    return found


def _is_drawn(figure: Plot, view: Analysis) -> bool:
    printed = figure.draw(view)
    return printed is not None and any(
        axis.texts or axis.images or axis.patches or axis.collections
        or any(len(np.asarray(line.get_xdata())) for line in axis.lines)
        for axis in printed.axes
    )  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_explains_itself_and_draws(name: str, everything: Analysis) -> None:
    assert faults(plot(name), everything) == []


DROPPED = '''
from matplotlib.figure import Figure
TITLE = "Context switches"
CAPTION = """{caption}"""
NEEDS = ("{metric}",)

def draw(analysis):
    figure = Figure()
    figure.subplots().plot(analysis.medians("{metric}"){data})
    return figure
'''
CAPTION = "Median number of page faults of each case and allocator; lower is better."


def dropped(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, caption: str, metric: str, data: str
) -> Plot:
    """A figure whose file was put into a folder in which figures are looked for."""
    text = DROPPED.format(caption=caption, metric=metric, data=data)
    (folder / f"{name}.py").write_text(text)
    monkeypatch.setattr(figures, "__path__", [*figures.__path__, str(folder)])
    return plot(name)


def test_one_new_file_is_drawn_plotted_and_reported(
    everything: Analysis, planted_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = dropped(tmp_path, monkeypatch, "dropped", CAPTION, "major_faults", ".to_numpy()")
    assert faults(figure, everything) == []
    assert main(["plot", "dropped", str(planted_dir), "--out", str(tmp_path)]) == 0
    assert (tmp_path / "dropped.png").exists()
    write_page(everything, tmp_path / "report.html")
    assert CAPTION in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "caption", "metric", "data", "fault"),
    [
        ("uncaptioned", "Faults.", "major_faults", ".to_numpy()", "no caption"),
        ("unregistered", CAPTION, "speed", ".to_numpy()", "speed has no entry"),
        ("blank", CAPTION, "major_faults", ".head(0).to_numpy()", "nothing is drawn"),
    ],
)
def test_a_faulty_new_file_is_found(
    everything: Analysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    name: str, caption: str, metric: str, data: str, fault: str,
) -> None:  # fmt: skip
    figure = dropped(tmp_path, monkeypatch, name, caption, metric, data)
    assert any(fault in found for found in faults(figure, everything))


def test_files_are_written_in_each_format_and_are_repeatable(
    planted: Analysis, tmp_path: Path
) -> None:
    figure = plot("spread")
    first = write_figures(planted, figure, tmp_path / "a", ["png", "svg", "pdf"])
    again = write_figures(planted, figure, tmp_path / "b", ["png", "svg", "pdf"])
    assert [p.name for p in first] == ["spread.png", "spread.svg", "spread.pdf"]
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in again]


@pytest.mark.parametrize("name", NAMES)
def test_a_run_without_the_metrics_has_no_figure(name: str, tmp_path: Path) -> None:
    record = base_record("r", 0, "ptmalloc", "w", "", 1, "time") | {"metrics": {"cpu_s": 1.0}}
    analysis = analyse(Run(tmp_path, {}, {}, [record]))
    assert write_figures(analysis, plot(name), tmp_path, ["png"]) == []


def test_reference_allocators_are_hollow_and_dotted(planted: Analysis) -> None:
    bump = planted.allocators["bump"]
    assert (bump.hollow, bump.dash) == (True, ":")


def test_an_unknown_figure_is_answered_with_the_known_ones() -> None:
    with pytest.raises(DataError, match=r"pick one of all, .*forest"):
        plot("pie")


def test_a_figure_without_enough_data_is_none(planted: Analysis) -> None:
    (setting, *_) = planted.settings
    one_thread = [r for r in planted.run.records if r["threads"] == 1]
    alone = analyse(Run(planted.run.path, {}, {}, one_thread))
    assert plot("threads").draw(alone.only(setting)) is None


def curve(folder: Path, *rows: str) -> Analysis:
    """A run with one process whose series has these rows."""
    head = "t_s,phase,rss_bytes,lazyfree_bytes,vmas,anon_huge_bytes,live_bytes,ops"
    record = base_record("r", 0, "ptmalloc", "w", "", 1, "memory") | {
        "metrics": {"footprint_mean_bytes": 1.0, "footprint_readings": 30.0},
        "series": "series/r.csv",
    }
    (folder / "series").mkdir()
    (folder / "series/r.csv").write_text("\n".join([head, *rows]) + "\n")
    return analyse(Run(folder, {}, {}, [record])).only(("w", ""))


def test_a_footprint_is_drawn_over_the_operations_at_which_it_was_read(tmp_path: Path) -> None:
    sampled = [f"{t}.5,1,999,,,,9," for t in range(30)]
    rows = [f"{t}.0,1,{100 + t},,,,{t},{2 * t}" for t in range(30)]
    drawn = plot("footprint").draw(curve(tmp_path, *sampled, *rows))
    assert drawn is not None
    x, y = map(np.asarray, drawn.axes[0].lines[0].get_data())
    assert y.tolist() == [100 + t for t in range(30)]
    assert (x[0], x[-1]) == (0, 100)


def test_a_few_readings_are_not_drawn_as_a_curve(tmp_path: Path) -> None:
    rows = [f"{t}.0,1,{100 + t},,,,{t},{2 * t}" for t in range(19)]
    assert plot("footprint").draw(curve(tmp_path, *rows)) is None
