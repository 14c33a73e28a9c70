"""Count what the shape of the code promises, and say where a promise is broken.

Usage: structure.py [-v] [FOLDER]. Prints a table, and the places of what is above its limit (-v: of everything);
ends with 1 where something is.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from msgspec import Struct

LIMITS = {
    "modules at the top of auditor/": 9,
    "lines in the largest package, % of all": 25,
    "names of classes used twice": 0,
    "resource types spelled in two modules": 0,
    "Any or Json in signatures": 12,
    "modules with imports in functions": 0,
    "functions over 60 lines": 0,
    "faults of the contract on layers": 0,
}
_LONGEST = 60
_ON_USE = {"__init__.py"}  # the library's own functions; `lazy_imports` is for all others
_TYPE = re.compile(r"microsoft\.[a-z]+(/(?!(read|write|action|delete)$)[a-z]+)+", re.IGNORECASE)
"""A resource type; an operation on one (`…/read`, `…/write`, `…/action`, `…/delete`) is none."""


class Figure(Struct, frozen=True, dict=True):
    """What was counted: how much there is, and where."""

    name: str
    value: int
    places: list[str]

    @property
    def limit(self) -> int:
        """Return what the figure may be at most."""
        return LIMITS[self.name]


class Module(Struct, frozen=True, dict=True):
    """A module of the tool, read."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Return its syntax tree."""
        return ast.parse(self.text)

    @property
    def lines(self) -> int:
        """Return how many lines it has."""
        return self.text.count("\n")

    @property
    def package(self) -> str:
        """Return the package below auditor/ that it belongs to; a module at the top is its own."""
        return self.path.partition("/")[0]

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Go through its functions and methods."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


def figures(root: Path) -> list[Figure]:
    """Count everything in a checkout."""
    modules = [
        Module(path.relative_to(root / "auditor").as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted((root / "auditor").rglob("*.py"))
    ]
    counts = [
        _top(modules),
        _largest(modules),
        _classes(modules),
        _types(modules),
        _untyped(modules),
        _imports(modules),
        _long(modules),
        _layers(modules, root / "pyproject.toml"),
    ]
    return [Figure(name, *count) for name, count in zip(LIMITS, counts, strict=True)]


Count = tuple[int, list[str]]


def _top(modules: Iterable[Module]) -> Count:
    own = [module.path for module in modules if "/" not in module.path and module.path != "__init__.py"]
    return len(own), own


def _largest(modules: Iterable[Module]) -> Count:
    sizes: dict[str, int] = defaultdict(int)
    for module in modules:
        sizes[module.package] += module.lines
    whole, largest = sum(sizes.values()), max(sizes, key=sizes.__getitem__)
    return -(-100 * sizes[largest] // whole), [f"{largest}: {sizes[largest]} of {whole} lines"]


def _classes(modules: Iterable[Module]) -> Count:
    homes: dict[str, list[str]] = defaultdict(list)
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(module.path)
    twice = [f"{name}: {', '.join(paths)}" for name, paths in sorted(homes.items()) if len(paths) > 1]
    return len(twice), twice


def _types(modules: Iterable[Module]) -> Count:
    homes: dict[str, set[str]] = defaultdict(set)
    for module in modules:
        sentences = {id(node) for node in _docstrings(module.tree)}
        for node in ast.walk(module.tree):
            spelled = node.value if isinstance(node, ast.Constant) and id(node) not in sentences else None
            if isinstance(spelled, str) and _TYPE.fullmatch(spelled):
                homes[spelled.lower()].add(module.path)
    twice = [f"{name}: {', '.join(sorted(paths))}" for name, paths in sorted(homes.items()) if len(paths) > 1]
    return len(twice), twice


def _docstrings(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def _untyped(modules: Sequence[Module]) -> Count:
    untyped = {"Any", "Json", *(name for module in modules for name in _aliases_of_any(module.tree))}
    places = []
    for module in modules:
        for function in module.functions():
            spots = sum(bool(untyped & _names_in(one)) for one in _annotations(function))
            places += [f"{module.path}:{function.lineno} {function.name}"] * spots
    return len(places), places


def _annotations(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    own = function.args
    for argument in (*own.posonlyargs, *own.args, *own.kwonlyargs, own.vararg, own.kwarg):
        if argument is not None and argument.annotation is not None:
            yield argument.annotation
    if function.returns is not None:
        yield function.returns


def _aliases_of_any(tree: ast.Module) -> Iterator[str]:
    """Go through a module's names for types that hold Any: a signature with such a name says no more than Any does."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript) and "Any" in _names_in(node.value):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _names_in(annotation: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}


def _imports(modules: Iterable[Module]) -> Count:
    places = {
        module.path
        for module in modules
        for function in module.functions()
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom) and module.path not in _ON_USE
    }
    return len(places), sorted(places)


def _long(modules: Iterable[Module]) -> Count:
    places = [
        f"{module.path}:{function.lineno} {function.name}"
        for module in modules
        for function in module.functions()
        if (function.end_lineno or 0) - function.lineno + 1 > _LONGEST
    ]
    return len(places), places


def _layers(modules: Iterable[Module], project_file: Path) -> Count:
    """Look whether the contracts hold all they should; `lint-imports` looks whether the code keeps them."""
    project = tomllib.loads(project_file.read_text(encoding="utf-8"))
    contracts = {entry["name"]: entry for entry in project["tool"]["importlinter"]["contracts"]}
    layers = next((entry for entry in contracts.values() if entry["type"] == "layers"), {})
    named = {part.strip() for row in layers.get("layers", ()) for part in row.split("|")}
    present = {module.package.removesuffix(".py") for module in modules} - {"__init__"}
    libraries = contracts.get("Libraries know no fact, rule or table", {})
    faults = []
    if not layers.get("exhaustive"):
        faults.append("the contract on layers is not exhaustive")
    if layers.get("ignore_imports"):
        faults.append(f"{len(layers['ignore_imports'])} imports are excepted from the contract on layers")
    if named != present:
        faults.append(f"the contract on layers and the tree differ in {', '.join(sorted(named ^ present))}")
    if set(libraries.get("source_modules", ())) != {"auditor.keys", "auditor.network", "auditor.rbac"}:
        faults.append("no contract holds that keys, network and rbac know no fact")
    return len(faults), faults


def main(arguments: list[str]) -> int:
    """Print the table and the places."""
    folders = [Path(argument) for argument in arguments if argument != "-v"]
    counted = figures(folders[0] if folders else Path(__file__).parents[1])
    for figure in counted:
        print(f"{figure.name:42} {figure.value:5}   at most {figure.limit:4}")
    above = [figure for figure in counted if figure.value > figure.limit]
    for figure in counted if "-v" in arguments else above:
        print(f"\n{figure.name}", *figure.places, sep="\n  ")
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
