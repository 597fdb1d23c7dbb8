"""The registry of metrics, read from stats/metrics.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from stats.errors import DataError

REGISTRY_FILE = Path(__file__).parents[1] / "metrics.toml"
NET_SUFFIX = "_net"


@dataclass(frozen=True)
class Metric:
    """One entry of metrics.toml."""

    name: str
    unit: str
    pass_name: str
    direction: str
    meaning: str
    headline: bool = False
    primary: bool = False
    net: bool = False

    @property
    def compared(self) -> bool:
        """Whether ratios are estimated: not for a description of the work, such as its operations."""
        return self.direction != "none"

    @property
    def is_single_time(self) -> bool:
        """Whether it is the time of single operations, which moves in steps of the latency clock."""
        return self.name.startswith(("malloc_ns", "free_ns")) and "_batch" not in self.name


@dataclass(frozen=True)
class Registry:
    """All metrics by name, the derived `_net` ones included."""

    metrics: dict[str, Metric]

    def __getitem__(self, name: str) -> Metric:
        if name not in self.metrics:
            raise DataError(
                f"no metric is called '{name}'; help: pick one of {', '.join(self.metrics)}, "
                "or give it an entry in stats/metrics.toml"
            )
        return self.metrics[name]

    def __contains__(self, name: object) -> bool:
        return name in self.metrics

    def __iter__(self) -> Iterator[Metric]:
        return iter(self.metrics.values())

    def headline(self) -> list[Metric]:
        """The metrics whose tables open a report, in the file's order."""
        return [m for m in self if m.headline]


def _with_net(metric: Metric) -> list[Metric]:
    if not metric.net:
        return [metric]
    meaning = f"{metric.name} minus that of an empty program under the same allocator."
    derived = replace(
        metric,
        name=metric.name + NET_SUFFIX,
        meaning=meaning,
        headline=False,
        primary=False,
        net=False,
    )
    return [metric, derived]


def parse_registry(text: str) -> Registry:
    """The registry written in `text` (the form of metrics.toml). Raises KeyError or TypeError on a
    malformed entry.
    """
    metrics: dict[str, Metric] = {}
    for name, entry in tomllib.loads(text)["metric"].items():
        entry = dict(entry)
        metric = Metric(name=name, pass_name=entry.pop("pass"), **entry)
        metrics.update({m.name: m for m in _with_net(metric)})
    return Registry(metrics)


@cache
def registry() -> Registry:
    """The project's registry."""
    return parse_registry(REGISTRY_FILE.read_text(encoding="utf-8"))
