"""Tables and plots as HTML fragments."""

from __future__ import annotations

import io
from typing import Any

from markupsafe import Markup, escape

from stats.estimates.analysis import Analysis
from stats.figures import Plot
from stats.tables.table import Table
from stats.units import magnitude

_CLASSES = {"✓": "good", "✗": "bad", "·": "faint", "?": "faint"}


def _td(text: str, order: str | None, is_text: bool) -> Markup:
    names = [_CLASSES[sign] for sign in _CLASSES if text.endswith((f" {sign}", f" {sign})"))]
    names += [] if is_text else ["num"]
    attributes = Markup(' class="{}"').format(" ".join(names)) if names else Markup("")
    if order is not None:
        attributes += Markup(' data-order="{}"').format(order)
    return Markup("<td{}>{}</td>").format(attributes, text)


def _sort_keys(texts: list[str]) -> list[str] | None:
    """Sort keys of a column, None where it is not one of numbers; a dash sorts first."""
    numbers = [magnitude(text) for text in texts]
    if all(n is None for n in numbers) or any(
        n is None and text not in ("–", "") for n, text in zip(numbers, texts, strict=True)
    ):
        return None
    return [f"{-1e300 if n is None else min(n, 1e300):.12g}" for n in numbers]


def table_html(table: Table, sortable: bool = True, paged: bool = False) -> Markup:
    """A <table>; its numeric columns sort by value, its last `table.footer` rows stay at the foot."""
    texts = [list(map(str, row)) for row in table.frame.itertuples(index=False)]
    body = len(texts) - table.footer
    columns = list(zip(*texts[:body], strict=True)) if body else []
    keys_of_columns = [_sort_keys(list(column)) for column in columns]

    def line(i: int) -> Markup:
        keys = [column[i] if column and i < body else None for column in keys_of_columns] or [
            None
        ] * len(texts[i])
        cell_tags = [
            _td(text, key, c < table.text_columns)
            for c, (text, key) in enumerate(zip(texts[i], keys, strict=True))
        ]
        return Markup("<tr>{}</tr>").format(Markup("").join(cell_tags))

    head = Markup("").join(
        Markup("<th{}>{}</th>").format(
            Markup("") if c < table.text_columns else Markup(' class="num"'),
            escape(name).replace("_", Markup("_<wbr>")),  # where a long name may wrap
        )
        for c, name in enumerate(table.frame.columns)
    )
    parts = [Markup("<thead><tr>{}</tr></thead>").format(head)]
    parts.append(Markup("<tbody>{}</tbody>").format(Markup("").join(line(i) for i in range(body))))
    if table.footer:
        foot = Markup("").join(line(i) for i in range(body, len(texts)))
        parts.append(Markup("<tfoot>{}</tfoot>").format(foot))
    names = " ".join(n for n, on in (("sortable", sortable and body > 1), ("paged", paged)) if on)
    opening = Markup('<div class="scroll"><table id="table-{}" class="{}">').format(
        table.name, names
    )
    return opening + Markup("").join(parts) + Markup("</table></div>")


def plot_data(plot: Plot, name: str, analysis: Analysis) -> dict[str, Any] | None:
    """The template's data of one figure: interactive where the figure has that form, else an SVG
    picture, else the reason why it is not drawn; None where nobody expects it.
    """
    if plot.missing(analysis):
        return not_drawn(plot, name, analysis)
    base = {
        "id": name,
        "title": plot.title,
        "caption": plot.caption,
        "notes": plot.notes(analysis),
        "why_not": "",
        "json": None,
        "svg": None,
        "wide": False,
    }
    figure = plot.interactive(analysis)
    if figure is not None:
        json = Markup(figure.to_json().replace("</", "<\\/"))
        height = figure.layout.height
        return base | {"json": json, "height": height, "wide": "xaxis2" in figure.layout}
    printed = plot.draw(analysis)
    if printed is not None:
        return base | {"svg": Markup(_svg(printed))}
    return not_drawn(plot, name, analysis)


def not_drawn(plot: Plot, name: str, analysis: Analysis) -> dict[str, Any] | None:
    """The template's data of a figure that says in one sentence why it is not drawn; None where
    nobody expects it.
    """
    why = plot.why_not(analysis)
    return {"id": name, "title": plot.title, "why_not": why} if why else None


def _svg(figure: Any) -> str:
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]


def definition_rows(content: dict[str, Any]) -> list[tuple[str, str]]:
    """A nested object as (dotted name, text) rows, lists joined by commas."""
    rows: list[tuple[str, str]] = []
    for key, value in content.items():
        if isinstance(value, dict):
            rows += [(f"{key}.{inner}", text) for inner, text in definition_rows(value)]
        elif isinstance(value, list):
            rows.append((str(key), ", ".join(map(str, value))))
        else:
            rows.append((str(key), "not known" if value is None else str(value)))
    return rows
