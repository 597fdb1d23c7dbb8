"""Numbers for readers: three significant digits and a unit that fits."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable

_BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
_TIME = [(1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")]
_COUNT = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")]


def significant(value: float, digits: int = 3) -> str:
    """`value` with so many significant digits and no exponent: 0.0123, 1.23, 123, 12345."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "∞" if value > 0 else "−∞" if value < 0 else "–"
    rounded = float(f"{value:.{digits}g}")  # 99.96 becomes 100 before its digits are counted
    places = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return f"{value:.{places}f}"


def _binary(value: float) -> str:
    size = abs(value)
    power = min(int(math.log2(size) // 10), len(_BINARY) - 1) if size >= 1 else 0
    return f"{significant(value / 1024**power)} {_BINARY[power]}"


def _seconds(value: float) -> str:
    scale, unit = next((s for s in _TIME if abs(value) >= s[0]), _TIME[-1])
    return f"{significant(value / scale)} {unit}"


def _plain(value: float) -> str:
    if abs(value) < 10_000:
        return str(int(value)) if value == int(value) else significant(value)
    scale, letter = next(s for s in _COUNT if abs(value) >= s[0])
    return f"{significant(value / scale)} {letter}"


def quantity(value: float, unit: str, at_least: float = 0.0) -> str:
    """`value` (in the registry's `unit`) as a short text: '1.23 ms', '45.6 MiB', '12.3 M/s', '–'
    for no value, '< 10 ns' for one below `at_least`, what the instrument can tell from zero.
    """
    if value is None or math.isnan(value):
        return "–"
    if 0 <= value < at_least:
        number, _, rest = quantity(float(f"{at_least:.1g}"), unit).partition(" ")
        return f"< {float(number):g} {rest}"
    if value == 0 or not math.isfinite(value):
        return significant(value)
    if unit in ("s", "ns"):
        return _seconds(value * (1e-9 if unit == "ns" else 1))
    if unit == "bytes":
        return _binary(value)
    if unit == "byte*s":
        return _binary(value) + "·s"
    return _plain(value) + ("/s" if unit == "1/s" else "")


def ratio(value: float) -> str:
    """A ratio with two decimals, or three digits where it is large or small: 0.98, 1.25, 12.3,
    0.0123.
    """
    if math.isnan(value):
        return "–"
    return f"{value:.2f}" if 0.1 <= value < 10 else significant(value)


def ratio3(value: float) -> str:
    """A ratio with three decimals, for differences near one: 0.998."""
    return "–" if math.isnan(value) else f"{value:.3f}"


def interval(low: float, high: float, form: Callable[[float], str] = ratio) -> str:
    """An interval of ratios: '[0.95, 1.01]', or '–' where there is none."""
    if math.isnan(low) or math.isnan(high):
        return "–"
    return f"[{form(low)}, {form(high)}]"


def p_value(p: float) -> str:
    """A p value: '0.032', '<0.001', '–'."""
    if math.isnan(p):
        return "–"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def percent(share: float) -> str:
    """A share as a percentage with one decimal under ten per cent: '2.3 %', '17 %', '–'."""
    if math.isnan(share):
        return "–"
    return f"{100 * share:.1f} %" if abs(share) < 0.1 else f"{100 * share:.0f} %"


def span(numbers: Iterable[int]) -> str:
    """Whole numbers as their range: '20', '18 to 20', '0' for none."""
    seen = list(numbers) or [0]
    low, high = min(seen), max(seen)
    return str(low) if low == high else f"{low} to {high}"


_FACTORS = {
    **{unit: 1024.0**power for power, unit in enumerate(_BINARY)},
    **{unit: scale for scale, unit in _TIME},
    **{letter: scale for scale, letter in _COUNT},
}
_NUMBER = re.compile(r"[\[<\s]*([−-]?\d+(?:\.\d+)?)(?:\s([A-Za-zµ]+))?")


def magnitude(text: str) -> float | None:
    """The number that a text written by this module begins with, in base units, so that tables can
    be sorted.

    '1.23 ms' gives 0.00123, '[0.95, 1.01]' 0.95, '0.60 ✓' 0.6, '<0.001' 0.001; None where there is
    no number.
    """
    if text.startswith("∞"):
        return math.inf
    found = _NUMBER.match(text)
    if not found:
        return None
    return float(found[1].replace("−", "-")) * _FACTORS.get(found[2] or "", 1.0)
