"""Numbers, labels, colours and markers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats import units
from stats.tidy.allocators import allocators_of
from stats.tidy.labels import setting_labels, split_params

NUMBERS = st.floats(min_value=1e-9, max_value=1e14)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.001234, "s", "1.23 ms"),
        (12.0, "s", "12.0 s"),
        (99.96, "ns", "100 ns"),
        (1536, "bytes", "1.50 KiB"),
        (3 * 1024**3, "byte*s", "3.00 GiB·s"),
        (1234567, "1/s", "1.23 M/s"),
        (1234, "calls", "1234"),
        (13132, "calls", "13.1 k"),
        (0, "calls", "0"),
        (math.nan, "s", "–"),
        (math.inf, "ratio", "∞"),
        (0.5, "ratio", "0.500"),
    ],
)
def test_quantity(value: float, unit: str, text: str) -> None:
    assert units.quantity(value, unit) == text


@pytest.mark.parametrize(("value", "text"), [(0, "< 10 ns"), (9.7, "< 10 ns"), (9.9, "9.90 ns")])
def test_what_a_clock_cannot_tell_from_zero_is_printed_so(value: float, text: str) -> None:
    assert units.quantity(value, "ns", at_least=9.814) == text


@given(NUMBERS, st.sampled_from(["s", "bytes", "1/s", "ratio"]))
def test_a_printed_quantity_is_right_to_three_digits(value: float, unit: str) -> None:
    text = units.quantity(value, unit)
    assert units.magnitude(text) == pytest.approx(value, rel=0.0051, abs=6e-12)


@given(NUMBERS, NUMBERS)
def test_printed_quantities_sort_as_their_values(a: float, b: float) -> None:
    small, large = (units.magnitude(units.quantity(v, "bytes")) for v in sorted((a, b)))
    assert small is not None
    assert large is not None
    assert small <= large


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.60 ✓", 0.6),
        ("[0.95, 1.01]", 0.95),
        ("<0.001", 0.001),
        ("294 ms (0.60 ✓)", 0.294),
        ("∞", math.inf),
    ],
)
def test_magnitude_of_decorated_numbers(text: str, number: float) -> None:
    assert units.magnitude(text) == pytest.approx(number)


def test_a_text_without_number_has_no_magnitude() -> None:
    assert units.magnitude("–") is None
    assert units.magnitude("faster") is None


def test_labels_show_only_parameters_that_vary() -> None:
    cases = [
        ("rounds", "max=134217728;touch=none"),
        ("rounds", "max=32768;touch=none"),
        ("larson", "a=1"),
    ]
    assert list(setting_labels(cases).values()) == ["rounds max=128Mi", "rounds max=32Ki", "larson"]


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
        st.from_regex(r"[a-z0-9.]{0,8}", fullmatch=True),
    )
)
def test_params_are_split_as_they_were_joined(params: dict[str, str]) -> None:
    assert split_params(";".join(f"{k}={v}" for k, v in params.items())) == params


def test_every_allocator_looks_different_and_the_copy_like_its_original() -> None:
    names = ["ptmalloc", "ptmalloc#2", "jemalloc", "mimalloc", "unheard", "another", "bump", "lifo"]
    allocators = allocators_of(names, "ptmalloc", {})
    looks = {(a.colour, a.marker) for a in allocators.values() if a.role != "copy"}
    assert len(looks) == len(names) - 1
    assert (allocators["ptmalloc#2"].colour, allocators["ptmalloc#2"].hollow) == (
        allocators["ptmalloc"].colour,
        True,
    )
    assert allocators["bump"].is_reference
    assert next(iter(allocators)) == "ptmalloc"
    assert list(allocators)[-3:] == ["ptmalloc#2", "bump", "lifo"]


@pytest.mark.parametrize("role", ["reference", "limit"])  # the second in stored runs
def test_the_manifest_names_the_reference_allocators(role: str) -> None:
    found = allocators_of(["a", "b"], "a", {"allocators": [{"name": "b", "role": role}]})
    assert found["b"].is_reference
    assert not found["b"].is_contestant
