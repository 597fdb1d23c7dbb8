"""The checker of layer tables finds each kind of violation that is planted, and nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.layers import check_layers, read_table

TABLE = """\
| word | meaning |
|---|---|
| block | not a layer |

Another paragraph.

| layer | files | what it does |
|---|---|---|
| `api/` | `front` | what a program calls |
| middle | `left`, `right` shared.h | two modules and a header |
| base | base/* | the rest |
"""

FILES = {
    "front.c": '#include "left.h"\nint front(void) { return left(); }\n',
    "left.c": '#include "left.h"\n#include "right.h"\nint left(void) { return right(); }\n',
    "left.h": '#include "shared.h"\nint left(void);\n',
    "right.c": '#include "right.h"\n#include <stdio.h>\nint right(void) { return low(); }\n',
    "right.h": '#include "base/low.h"\nint right(void);\n',
    "shared.h": "struct shared;\n",
    "base/low.c": '#include "low.h"\nint low(void) { return 1; }\n',
    "base/low.h": "int low(void);\n",
}


def violations(folder: Path, changed: dict[str, str], table: str = TABLE) -> list[str]:
    """Those of the example with some files changed, built and checked."""
    source, objects = folder / "source", folder / "objects"
    (folder / "README.md").write_text(table)
    for name, text in {**FILES, **changed}.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    for path in source.rglob("*.c"):
        built = (objects / path.relative_to(source)).with_suffix(".o")
        built.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-c", "-w", "-I", source, "-o", built, path], check=True)
    return check_layers(folder / "README.md", source, objects)


def test_a_source_that_follows_its_table_is_clean(tmp_path: Path) -> None:
    assert violations(tmp_path, {}) == []


def test_the_table_is_the_first_with_a_column_files(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(TABLE)
    assert [(layer.name, layer.patterns) for layer in read_table(tmp_path / "README.md")] == [
        ("api/", ("front",)),
        ("middle", ("left", "right", "shared.h")),
        ("base", ("base/*",)),
    ]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"base/low.h": '#include "shared.h"\nint low(void);\n'},
            ["base/low.h includes shared.h: middle is above base"],
        ),
        (  # a call that no include shows
            {"base/low.c": "int front(void);\nint low(void) { return front(); }\n"},
            [
                "base/low uses front of front: api/ is above base",
                "circle: base/low -> front -> left -> right -> base/low",
            ],
        ),
        (  # inside one layer
            {"right.c": '#include "left.h"\nint right(void) { return left(); }\n'},
            ["circle: left -> right -> left"],
        ),
        ({"extra.h": "int extra;\n"}, ["extra.h is in no layer"]),
    ],
)
def test_a_planted_violation_is_found(
    tmp_path: Path, changed: dict[str, str], expected: list[str]
) -> None:
    found = violations(tmp_path, changed)
    assert [rotated(v) for v in found] == [rotated(v) for v in expected]


def rotated(violation: str) -> str:
    """A circle written from its first name in the alphabet on; anything else as it is."""
    if not violation.startswith("circle: "):
        return violation
    names = violation.removeprefix("circle: ").split(" -> ")[:-1]
    first = names.index(min(names))
    return " -> ".join(names[first:] + names[:first])


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("`front`", "`front` `gone`", ["the table names gone, which does not exist"]),
        ("`front`", "`front` shared.h", ["shared.h is in the layers api/ and middle"]),
        ("`left`,", "left.c", ["left.h is in no layer"]),
        ("| files |", "| places |", None),
    ],
)
def test_a_table_that_differs_from_the_files_is_found(
    tmp_path: Path, old: str, new: str, expected: list[str] | None
) -> None:
    found = violations(tmp_path, {}, TABLE.replace(old, new))
    assert found == (expected or [f"{tmp_path / 'README.md'} has no table with a column 'files'"])


def test_a_module_that_is_not_built_is_found(tmp_path: Path) -> None:
    violations(tmp_path, {})
    (tmp_path / "objects" / "right.o").unlink()
    found = check_layers(tmp_path / "README.md", tmp_path / "source", tmp_path / "objects")
    assert found == [f"right.c is not built under {tmp_path / 'objects'}"]


PYTHON_TABLE = """\
| layer | files |
|---|---|
| top | `verbs/*` |
| middle | `tables/*` |
| base | `units` |
"""
PYTHON_FILES = {
    "__init__.py": "",
    "verbs/__init__.py": "",
    "verbs/show.py": "import json\nfrom package.tables import wide\nfrom package.verbs import other\n",
    "verbs/other.py": "import package.units\n",
    "tables/wide.py": "def show() -> None:\n    from package import units\n",
    "units.py": "LIST = 1\n",
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        (  # inside a function, of a name in a module
            {"units.py": "def f() -> None:\n    from package.tables.wide import show\n"},
            [
                "units.py imports tables/wide.py: middle is above base",
                "circle: tables/wide -> units -> tables/wide",
            ],
        ),
        (
            {"verbs/other.py": "import package.verbs.show\n"},
            ["circle: verbs/other -> verbs/show -> verbs/other"],
        ),
        (
            {"tables/wide.py": "from package.verbs import show\n"},
            [
                "tables/wide.py imports verbs/show.py: top is above middle",
                "circle: tables/wide -> verbs/show -> tables/wide",
            ],
        ),
        ({"extra.py": ""}, ["extra.py is in no layer"]),
    ],
)
def test_a_planted_violation_in_python_is_found(
    tmp_path: Path, changed: dict[str, str], expected: list[str]
) -> None:
    (tmp_path / "README.md").write_text(PYTHON_TABLE)
    for name, text in {**PYTHON_FILES, **changed}.items():
        path = tmp_path / "package" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = check_layers(tmp_path / "README.md", tmp_path / "package")
    assert [rotated(v) for v in found] == [rotated(v) for v in expected]
