"""Checks C or Python source against the layer table of its README: dependencies go downward only.

The table is the first one of the README that has a column `files`. Its rows are layers, from top to
bottom; the first cell names the layer. The cell `files` lists modules (`block` stands for block.c,
block.h and block.def), files (`block.h`) or patterns (`workloads/*`), separated by spaces or
commas. A name without a folder matches in every folder of the source.

A module depends on those whose files it includes or imports (also inside a function) and, if object
files are given, on those that define a symbol which it uses. It may depend on lower layers and on its own, but never in a circle.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

C_SUFFIXES = (".c", ".cpp", ".h", ".def")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.MULTILINE)


@dataclass(frozen=True)
class Layer:
    """A row of the table."""

    name: str
    patterns: tuple[str, ...]

    def matching(self, file: Path) -> list[str]:
        """The patterns that match a file, whose path is relative to the source folder."""
        names = {file.name, file.stem, file.as_posix(), file.with_suffix("").as_posix()}
        return [p for p in self.patterns if any(fnmatchcase(name, p) for name in names)]


@dataclass(frozen=True)
class Dependency:
    """Module `user` needs module `used`, which `reason` explains in a sentence."""

    user: str
    used: str
    reason: str


def read_table(readme: Path) -> list[Layer]:
    """The layers of a README, from top to bottom; empty where it has no such table."""
    column = None
    layers: list[Layer] = []
    for line in readme.read_text().splitlines():
        cells = [cell.strip(" `") for cell in line.strip().strip("|").split("|")]
        if not line.lstrip().startswith("|"):
            if layers:
                break
            column = None
        elif column is None:
            lower = [cell.lower() for cell in cells]
            column = lower.index("files") if "files" in lower else None
        elif not set(cells[0]) <= set(":- "):
            patterns = cells[column].replace("`", " ").replace(",", " ").split()
            layers.append(Layer(cells[0], tuple(patterns)))
    return layers


def source_files(source: Path) -> list[Path]:
    """The C and Python files of a folder and of the folders in it, relative to it; without the
    __init__.py of the folder itself, which is every module's.
    """
    suffixes = (*C_SUFFIXES, ".py")
    found = {p.relative_to(source) for p in source.rglob("*") if p.suffix in suffixes}
    return sorted(found - {Path("__init__.py")})


def module_of(file: Path) -> str:
    return file.with_suffix("").as_posix()


def _resolve(source: Path, user: Path, name: str) -> Path | None:
    """The file of the source that an #include names, or None for one from outside."""
    folders = [(source / user).parent, source, *source.parents]
    for path in ((folder / name).resolve() for folder in folders):
        if path.is_file():
            return path.relative_to(source) if path.is_relative_to(source) else None
    found = [path for path in source.rglob(Path(name).name) if path.as_posix().endswith("/" + name)]
    return found[0].relative_to(source) if len(found) == 1 else None


def include_dependencies(source: Path) -> Iterator[Dependency]:
    source = source.resolve()
    for file in (f for f in source_files(source) if f.suffix in C_SUFFIXES):
        for name in INCLUDE.findall((source / file).read_text()):
            used = _resolve(source, file, name)
            if used and module_of(used) != module_of(file):
                yield Dependency(module_of(file), module_of(used), f"{file} includes {used}")


def _imported(tree: ast.Module, package: str) -> Iterator[str]:
    """What a Python file imports of the package: 'tables', 'tables.table', ...; a name that
    `from ... import` takes may be a module or something in it.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (n.removeprefix(f"{package}.") for n in names if n.startswith(f"{package}."))


def import_dependencies(source: Path) -> Iterator[Dependency]:
    """What the files of a Python package, whose folder has its name, import of each other."""
    modules = {module_of(f): f for f in source_files(source) if f.suffix == ".py"}
    for user, file in modules.items():
        for name in _imported(ast.parse((source / file).read_text()), source.name):
            path = name.replace(".", "/")
            parent = path.rpartition("/")[0]
            places = (path, f"{path}/__init__", parent, f"{parent}/__init__")
            used = next((place for place in places if place in modules), None)
            if used and used != user:
                yield Dependency(user, used, f"{file} imports {modules[used]}")


def _symbols(path: Path) -> Iterator[tuple[str, str]]:
    """The global symbols of an object file, with nm's letter for each."""
    listing = subprocess.run(
        ["nm", "--extern-only", "--format=posix", path], capture_output=True, text=True, check=True
    )
    for line in listing.stdout.splitlines():
        symbol, letter = line.split()[:2]
        yield symbol, letter


def symbol_dependencies(source: Path, objects: Path) -> Iterator[Dependency]:
    """What the object files that were built from the source use of each other."""
    defined: dict[str, set[str]] = defaultdict(set)
    used: list[tuple[str, str]] = []
    for file in source_files(source):
        built = objects / file.with_suffix(".o")
        if file.suffix not in (".c", ".cpp") or not built.exists():
            continue
        for symbol, letter in _symbols(built):
            if letter in "Uvw":
                used.append((module_of(file), symbol))
            else:
                defined[symbol].add(module_of(file))
    for user, symbol in used:
        for definer in defined[symbol] - {user}:
            yield Dependency(user, definer, f"{user} uses {symbol} of {definer}")


def _place_files(layers: list[Layer], files: list[Path]) -> tuple[dict[str, int], list[str]]:
    """The layer (an index) of each module, and where the table and the files differ."""
    place: dict[str, int] = {}
    violations = []
    used: set[tuple[int, str]] = set()
    for file in files:
        hits = [(n, pattern) for n, layer in enumerate(layers) for pattern in layer.matching(file)]
        used.update(hits)
        found = {n for n, _ in hits}
        if len(found) != 1:
            where = " and ".join(layers[n].name for n in sorted(found))
            violations.append(f"{file} is in {'the layers ' + where if found else 'no layer'}")
        elif place.setdefault(module_of(file), hits[0][0]) != hits[0][0]:
            violations.append(f"the files of {module_of(file)} are in different layers")
    for n, layer in enumerate(layers):
        for pattern in layer.patterns:
            if (n, pattern) not in used:
                violations.append(f"the table names {pattern}, which does not exist")
    return place, violations


def _unbuilt(source: Path, objects: Path) -> list[str]:
    sources = [f for f in source_files(source) if f.suffix in (".c", ".cpp")]
    missing = [f for f in sources if not (objects / f.with_suffix(".o")).exists()]
    return [f"{file} is not built under {objects}" for file in missing]


def check_layers(readme: Path, source: Path, objects: Path | None = None) -> list[str]:
    """What contradicts the layer table of `readme` in the folder `source`; empty if nothing does.

    `objects` is the folder of the object files, arranged as the sources are; without it only the
    includes are examined.
    """
    layers = read_table(readme)
    if not layers:
        return [f"{readme} has no table with a column 'files'"]
    place, violations = _place_files(layers, source_files(source))
    dependencies = [*include_dependencies(source), *import_dependencies(source)]
    if objects:
        violations += _unbuilt(source, objects)
        dependencies += symbol_dependencies(source, objects)
    graph: dict[str, set[str]] = defaultdict(set)
    for d in dependencies:
        graph[d.user].add(d.used)
        if d.user in place and d.used in place and place[d.used] < place[d.user]:
            above, below = layers[place[d.used]].name, layers[place[d.user]].name
            violations.append(f"{d.reason}: {above} is above {below}")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        violations.append(f"circle: {' -> '.join(circle)}")
    return list(dict.fromkeys(violations))
