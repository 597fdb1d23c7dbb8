"""Builds report.html: gathers the data of page.html.j2 and renders it."""

from __future__ import annotations

import base64
import json
import shlex
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from records.seal import KEY
from stats.estimates.analysis import Analysis
from stats.estimates.verdict import MIN_PAIRS, POWER
from stats.figures import plots
from stats.report import sentences
from stats.report.descriptions import Description, descriptions
from stats.report.html import definition_rows, plot_data, table_html
from stats.tables import against_best, counters, diagnostics, mind_study, ratios
from stats.tables.table import Table, file_name, with_marks
from stats.tables.workload import workload
from stats.tidy.metrics import Metric

OPEN_AT_MOST = 4  # workload settings; with more, their sections start folded


def write_page(
    analysis: Analysis, path: Path, show_progress: Callable[[str], None] = lambda _: None
) -> None:
    """Writes the self-contained page to `path`, reporting progress to `show_progress`. Raises
    OSError when it cannot be written.
    """
    environment = Environment(
        loader=PackageLoader("stats", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    page = environment.get_template("page.html.j2").render(
        **context(analysis, show_progress), **_assets()
    )
    path.write_text(page, encoding="utf-8")


def context(analysis: Analysis, show_progress: Callable[[str], None]) -> dict[str, Any]:
    """The variables of page.html.j2 except scripts and styles."""
    headline = ratios.headline_metrics(analysis)
    manifest = analysis.run.manifest
    return {
        "title": manifest.get("title") or manifest.get("experiment") or analysis.run.path.name,
        "question": manifest.get("question", ""),
        "run_name": analysis.run.path.resolve().name,
        "facts": _facts(manifest),
        "summary": _summary(analysis, headline),
        "marks": analysis.run.marks,
        "remarks": analysis.run.remarks,
        "overall": [
            _tab(m, with_marks(ratios.overall(analysis, m), analysis.run.marks)) for m in headline
        ],
        "every_row": table_html(_every_row(analysis, headline), paged=True) if headline else "",
        "run_plots": _plots(analysis, per_workload=False),
        "workloads": _workloads(analysis, show_progress),
        "folded": len(analysis.settings) > OPEN_AT_MOST,
        "against_best": _against_best(analysis),
        "mind_study": _shown(mind_study.mind_table(analysis)),
        "selftest": sentences.selftest_sentences(analysis),
        "has_alarm": any(finding.is_alarm for finding in analysis.findings),
        "noise": _shown(_headline_noise(analysis, headline)),
        "passes": _shown(diagnostics.passes(analysis)),
        "status": _shown(diagnostics.status(analysis)),
        "disturbed": _shown(diagnostics.disturbed(analysis)),
        "unavailable": _unavailable(analysis),
        "machine_warnings": _machine_warnings(manifest),
        "allocators": _allocators(manifest),
        "skipped": manifest.get("skipped") or [],
        "manifest": definition_rows(
            {
                k: v
                for k, v in manifest.items()
                if k not in ("allocators", "doctor", "skipped", "definition", KEY)
            }
        ),
        "definition": json.dumps(manifest.get("definition") or {}, indent=2, ensure_ascii=False),
        "glossary": table_html(_glossary(analysis)),
        "limits": analysis.limits,
        "min_pairs": MIN_PAIRS,
        "power": POWER,
    }


def _assets() -> dict[str, Any]:
    """The scripts and styles that the page embeds."""
    from plotly.offline import get_plotlyjs

    here = resources.files("stats.report")
    datatables = resources.files("itables") / "html"
    return {
        "css": Markup(here.joinpath("page.css").read_text("utf-8")),
        "js": Markup(here.joinpath("page.js").read_text("utf-8")),
        "datatables_css": Markup(datatables.joinpath("dt_bundle.css").read_text("utf-8")),
        "datatables_js": base64.b64encode(
            datatables.joinpath("dt_bundle.js").read_bytes()
        ).decode(),
        "plotly_js": Markup(get_plotlyjs().replace("</script", "<\\/script")),
    }


def _facts(manifest: dict[str, Any]) -> list[str]:
    """The line under the title: time, machine, revision."""
    host = manifest.get("host") or {}
    source = manifest.get("source") or {}
    revision = str(source.get("revision") or "")[:12]
    virtual = " (virtual machine)" if host.get("virtual") else ""
    facts = [
        str(manifest.get("started") or ""),
        f"{host['cpu']}, {host.get('cpus', '?')} CPUs{virtual}" if host.get("cpu") else "",
        f"Linux {host['kernel']}" if host.get("kernel") else "",
        f"revision {revision}{' with changes' if source.get('dirty') else ''}"
        if revision
        else "revision unknown",
        _removed_variables(manifest),
    ]
    return [fact for fact in facts if fact]


def _removed_variables(manifest: dict[str, Any]) -> str:
    """The variables of the calling shell that were not passed on, since allocators read them."""
    environment = manifest.get("environment")
    if not environment:
        return ""
    names = ", ".join(environment.get("kept_out") or {})
    return f"variables not passed to the measured programs: {names}" if names else ""


def _summary(analysis: Analysis, headline: list[Metric]) -> list[str]:
    sentences_shown = [sentences.comparison_sentence(analysis), sentences.status_sentence(analysis)]
    for metric in headline[:2]:
        sentences_shown.append(sentences.headline_sentence(analysis, metric))
        sentences_shown.append(sentences.verdict_sentence(analysis, metric))
    return [sentence for sentence in sentences_shown if sentence]


def _shown(table: Table) -> dict[str, Any] | None:
    """A table for the template; None when it has no rows."""
    return {"html": table_html(table), "notes": table.notes} if len(table.frame) else None


def _tab(metric: Metric, table: Table) -> dict[str, Any]:
    return {
        "name": metric.name,
        "meaning": metric.meaning,
        "title": table.title,
        "html": table_html(table),
        "notes": table.notes,
    }


def _every_row(analysis: Analysis, metrics: list[Metric]) -> Table:
    """All rows of the headline metrics in one table."""
    frames = []
    for metric in metrics:
        frame = ratios.details(analysis, metric).frame.rename(
            columns={analysis.baseline: "baseline"}
        )
        frame.insert(0, "metric", metric.name)
        frames.append(frame)
    every = pd.concat(frames, ignore_index=True)
    return Table("every_row", "Every estimate", every, every, text_columns=3)


def _headline_noise(analysis: Analysis, metrics: list[Metric]) -> Table:
    """The A/A and control rows of the headline metrics that have enough pairs for a verdict."""
    table = diagnostics.noise(analysis)
    kept = table.frame["metric"].isin([m.name for m in metrics])
    kept &= table.frame["pairs"].astype(int) >= MIN_PAIRS
    return replace(table, frame=table.frame[kept])


def _plots(analysis: Analysis, per_workload: bool) -> list[dict[str, Any]]:
    chosen = [p for p in plots().values() if p.per_workload == per_workload]
    made = [plot_data(p, name, view) for p in chosen for name, view in p.all_views(analysis)]
    return [data for data in made if data]


def _workloads(analysis: Analysis, show_progress: Callable[[str], None]) -> list[dict[str, Any]]:
    known = descriptions(analysis.run.manifest)
    programs = (analysis.run.manifest.get("definition") or {}).get("command") or []
    fastest = counters.leaders_in_time(analysis)
    commands = {str(c.get("name")): shlex.join(map(str, c.get("argv", []))) for c in programs}
    made = []
    for number, ((name, params), label) in enumerate(analysis.settings.items(), start=1):
        show_progress(f"report.html: workload {number} of {len(analysis.settings)}, {label}")
        view = analysis.only((name, params))
        told = known.get(name, Description())
        made.append(
            {
                "label": label,
                "anchor": file_name(label),
                "params": commands.get(name) or params.replace(";", ", "),
                "about": told,
                "case_texts": counters.case_texts(view, fastest),
                **(_shown(workload(view)) or {"html": "", "notes": []}),
                "plots": _plots(view, per_workload=True),
            }
        )
    return made


def _against_best(analysis: Analysis) -> dict[str, Any] | None:
    """The project's own allocator against the best other; None where either is missing."""
    name = against_best.own_allocator(analysis)
    metrics = against_best.compared_metrics(analysis)
    if (
        name is None
        or not metrics
        or not any(a.is_contestant and a.name != name for a in analysis.allocators.values())
    ):
        return None
    summary, rows = (
        make(analysis, name, metrics)
        for make in (against_best.summary_table, against_best.rows_table)
    )
    if rows.frame.empty:
        return None
    return {
        "name": name,
        "html": table_html(summary),
        "notes": summary.notes,
        "rows": table_html(rows, paged=True),
    }


def _unavailable(analysis: Analysis) -> list[str]:
    """Metrics that could not be measured, with the reason and the number of processes."""
    found = Counter(
        (name, why)
        for r in analysis.run.records
        for name, why in (r.get("unavailable") or {}).items()
    )
    return [f"{name}: {why} ({count} processes)" for (name, why), count in found.items()]


def _machine_warnings(manifest: dict[str, Any]) -> list[dict[str, str]] | None:
    """The findings of the machine check other than ok; None where there was no check."""
    doctor = manifest.get("doctor")
    if not isinstance(doctor, dict):
        return None
    bad = [f for f in doctor.get("findings") or [] if f.get("status") != "ok"]
    return [f | {"help": f.get("help") or f.get("cure", "")} for f in bad]  # stored runs say cure


def _allocators(manifest: dict[str, Any]) -> str:
    columns = ["name", "role", "version", "link_mode", "licence", "library", "sha256", "note"]
    listed = [a for a in manifest.get("allocators") or [] if isinstance(a, dict)]
    rows = [[str(a.get(c) or "–") for c in columns] for a in listed]
    frame = pd.DataFrame(rows, columns=columns)
    frame["sha256"] = frame["sha256"].str.slice(0, 12)
    return table_html(Table("allocators", "Allocators", frame, frame, text_columns=len(columns)))


def _glossary(analysis: Analysis) -> Table:
    present = set(analysis.table["metric"])
    rows = [
        [m.name, m.unit, m.pass_name, m.direction, m.meaning]
        for m in analysis.metrics
        if m.name in present
    ]
    frame = pd.DataFrame(rows, columns=["metric", "unit", "pass", "better", "meaning"])
    return Table("glossary", "Metrics", frame, frame, text_columns=5)
