"""Gathers what the page shows and writes it."""

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

from stats.estimates.analysis import Study
from stats.estimates.verdict import MIN_BLOCKS
from stats.figures import plots
from stats.report import sentences
from stats.report.descriptions import About, about
from stats.report.html import definition_rows, plot_data, table_html
from stats.tables import against_best, counters, diagnostics, mind_study, ratios
from stats.tables.table import Table, file_name
from stats.tables.workload import workload
from stats.tidy.metrics import Metric

OPEN_AT_MOST = 4  # with more workloads than that their sections start folded


def write_page(study: Study, path: Path, say: Callable[[str], None] = lambda _: None) -> None:
    """Writes the self-contained page to `path`, telling `say` how far it is. Raises OSError when
    that cannot be written.
    """
    environment = Environment(
        loader=PackageLoader("stats", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    page = environment.get_template("page.html.j2").render(**context(study, say), **_assets())
    path.write_text(page, encoding="utf-8")


def context(study: Study, say: Callable[[str], None]) -> dict[str, Any]:
    """Everything that page.html.j2 names, but for scripts and styles."""
    headline = ratios.headline_metrics(study)
    manifest = study.run.manifest
    return {
        "title": manifest.get("title") or manifest.get("experiment") or study.run.path.name,
        "question": manifest.get("question", ""),
        "run_name": study.run.path.resolve().name,
        "facts": _facts(manifest),
        "glance": _glance(study, headline),
        "overall": [_tab(m, ratios.overall(study, m)) for m in headline],
        "every_row": table_html(_every_row(study, headline), paged=True) if headline else "",
        "run_plots": _plots(study, per_workload=False),
        "workloads": _workloads(study, say),
        "folded": len(study.cases) > OPEN_AT_MOST,
        "standing": _standing(study),
        "seed": _shown(mind_study.mind_table(study)),
        "noise": _shown(_headline_noise(study, headline)),
        "noise_sentences": [sentences.noise_sentence(study, m) for m in headline],
        "passes": _shown(diagnostics.passes(study)),
        "status": _shown(diagnostics.status(study)),
        "unavailable": _unavailable(study),
        "doctor": _doctor(manifest),
        "allocators": _allocators(manifest),
        "skipped": manifest.get("skipped") or [],
        "manifest": definition_rows(
            {
                k: v
                for k, v in manifest.items()
                if k not in ("allocators", "doctor", "skipped", "definition")
            }
        ),
        "definition": json.dumps(manifest.get("definition") or {}, indent=2, ensure_ascii=False),
        "glossary": table_html(_glossary(study)),
        "delta": study.delta,
    }


def _assets() -> dict[str, Any]:
    """Scripts and styles, all of them inside the page."""
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
    """The line under the title: when, where, with what."""
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
        _kept_out(manifest),
    ]
    return [fact for fact in facts if fact]


def _kept_out(manifest: dict[str, Any]) -> str:
    """Which variables of the calling shell would have steered an allocator and did not."""
    environment = manifest.get("environment")
    if not environment:
        return ""
    names = ", ".join(environment.get("kept_out") or {})
    return f"kept from the measured programs: {names}" if names else ""


def _glance(study: Study, headline: list[Metric]) -> list[str]:
    said = [sentences.cast_sentence(study), sentences.status_sentence(study)]
    said += [sentences.verdict_sentence(study, m) for m in headline[:2]]
    return said + [sentences.noise_sentence(study, m) for m in headline[:1]]


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


def _every_row(study: Study, metrics: list[Metric]) -> Table:
    """All rows of the headline metrics in one table."""
    frames = []
    for metric in metrics:
        frame = ratios.details(study, metric).frame.rename(columns={study.baseline: "baseline"})
        frame.insert(0, "metric", metric.name)
        frames.append(frame)
    every = pd.concat(frames, ignore_index=True)
    return Table("every_row", "Every estimate", every, every, text_columns=3)


def _headline_noise(study: Study, metrics: list[Metric]) -> Table:
    """The A/A rows of the headline metrics that have enough blocks to mean something."""
    table = diagnostics.noise(study)
    kept = table.frame["metric"].isin([m.name for m in metrics])
    kept &= table.frame["blocks"].astype(int) >= MIN_BLOCKS
    return replace(table, frame=table.frame[kept])


def _plots(study: Study, per_workload: bool) -> list[dict[str, Any]]:
    chosen = [p for p in plots().values() if p.per_workload == per_workload]
    made = [plot_data(p, name, view) for p in chosen for name, view in p.views(study)]
    return [data for data in made if data]


def _workloads(study: Study, say: Callable[[str], None]) -> list[dict[str, Any]]:
    known = about(study.run.manifest)
    programs = (study.run.manifest.get("definition") or {}).get("command") or []
    commands = {str(c.get("name")): shlex.join(map(str, c.get("argv", []))) for c in programs}
    made = []
    for number, ((name, params), label) in enumerate(study.cases.items(), start=1):
        say(f"report.html: workload {number} of {len(study.cases)}, {label}")
        view = study.only((name, params))
        told = known.get(name, About())
        made.append(
            {
                "label": label,
                "anchor": file_name(label),
                "params": commands.get(name) or params.replace(";", ", "),
                "about": told,
                "said": counters.said(view),
                **(_shown(workload(view)) or {"html": "", "notes": []}),
                "plots": _plots(view, per_workload=True),
            }
        )
    return made


def _standing(study: Study) -> dict[str, Any] | None:
    """The project's own allocator against the best other; None where either is missing."""
    name = against_best.own_allocator(study)
    metrics = against_best.compared_metrics(study)
    if (
        name is None
        or not metrics
        or not any(a.is_contestant and a.name != name for a in study.cast.values())
    ):
        return None
    summary, rows = (
        make(study, name, metrics) for make in (against_best.summary_table, against_best.rows_table)
    )
    if rows.frame.empty:
        return None
    return {
        "name": name,
        "html": table_html(summary),
        "notes": summary.notes,
        "rows": table_html(rows, paged=True),
    }


def _unavailable(study: Study) -> list[str]:
    """Metrics that the machine could not give, with the reason and the number of processes."""
    found = Counter(
        (name, why) for r in study.run.records for name, why in (r.get("unavailable") or {}).items()
    )
    return [f"{name}: {why} ({count} processes)" for (name, why), count in found.items()]


def _doctor(manifest: dict[str, Any]) -> list[dict[str, str]] | None:
    """The doctor's findings that are not fine; None when it was not asked."""
    doctor = manifest.get("doctor")
    if not isinstance(doctor, dict):
        return None
    return [f for f in doctor.get("findings") or [] if f.get("status") != "ok"]


def _allocators(manifest: dict[str, Any]) -> str:
    columns = ["name", "role", "version", "link_mode", "licence", "library", "sha256", "note"]
    listed = [a for a in manifest.get("allocators") or [] if isinstance(a, dict)]
    rows = [[str(a.get(c) or "–") for c in columns] for a in listed]
    frame = pd.DataFrame(rows, columns=columns)
    frame["sha256"] = frame["sha256"].str.slice(0, 12)
    return table_html(Table("allocators", "Allocators", frame, frame, text_columns=len(columns)))


def _glossary(study: Study) -> Table:
    present = set(study.table["metric"])
    rows = [
        [m.name, m.unit, m.home_pass, m.direction, m.meaning]
        for m in study.metrics
        if m.name in present
    ]
    frame = pd.DataFrame(rows, columns=["metric", "unit", "pass", "better", "meaning"])
    return Table("glossary", "Metrics", frame, frame, text_columns=5)
