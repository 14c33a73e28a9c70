"""Read baseline files: which rules are in force, with which parameters, severities, tables and components."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field

from auditor.architecture.declare import read_condition
from auditor.architecture.signs import Sign
from auditor.errors import ContentError, Mistakes
from auditor.lazy_imports import lazy_imports
from auditor.model import Severity
from auditor.rulebook import editions, overlay, parameters
from auditor.rulebook.control_layer import ControlLayer
from auditor.rulebook.editions import Edition
from auditor.rulebook.parameters import Parameter
from auditor.yaml_source import Node, load_file, suggestion

with lazy_imports(__name__):
    from auditor.rulebook import documents, validation

MAX_EXTENDS: Final = 8
PACKAGE: Final = "baseline.yaml"
"""The file that makes a folder a package: its rules, types and estates stand beside it."""


class Setting(Struct, frozen=True):
    """What a baseline says about one rule."""

    enabled: bool | None = None
    severity: Severity | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    place: str = ""

    def over(self, base: Setting | None) -> Setting:
        """Return this setting, with what it leaves open taken from the baseline below."""
        if base is None:
            return self
        enabled = base.enabled if self.enabled is None else self.enabled
        return Setting(enabled, self.severity or base.severity, {**base.parameters, **self.parameters}, self.place)


class Attestation(Struct, frozen=True):
    """What a person has looked at, where no rule can: who, when, where it is recorded, and until when it holds.

    `asks` is the leg of the control as it is worded, or empty where the control has only one such leg. Days as YYYY-MM-DD.
    `place` is where it stands.
    """

    control: str
    asks: str
    by: str
    on: str
    link: str
    valid_until: str
    place: str = ""


class ExpectedVerdicts(Struct, frozen=True):
    """An estate that the baseline brings, and the rules that fail in it and that have no answer; all others pass.

    `as_of` is empty where the file itself says when it is to be judged. `place` is where it stands.
    """

    file: Path
    as_of: str
    fails: Sequence[str]
    unknown: Sequence[str]
    place: str


class Baseline(Struct, frozen=True):
    """A baseline before its rules are chosen. `rules` are globs in order; one that begins with `!` takes rules out again.

    `declared` are its parameters and `parameters` their values. `own` are the values that its outermost file sets;
    `pending` those that overlays set and no baseline declares: a rule has to. `controls` are files by
    framework, those of this baseline after those of the baselines below. `packages` are the folders of it and of those
    below that are packages, the lowest first. `estates` are its own alone. `edition` is the one in force.
    `places` are where components name properties, by component and path. `signs` tell that an estate was built after it;
    None where neither it nor one below says which. `dropped` are components of those below that it takes away: rules that
    it takes away too may name them.
    """

    name: str
    version: str
    title: str
    description: str
    references: Sequence[str]
    rules: Sequence[tuple[str, Node]]
    declared: Mapping[str, Parameter]
    parameters: Mapping[str, Any]
    settings: Mapping[str, Setting]
    tables: Mapping[str, Any]
    components: Mapping[str, Any]
    file: str
    chain: Sequence[str]
    own: Mapping[str, Node] = field(default_factory=dict)
    pending: Sequence[tuple[str, Node]] = ()
    controls: Mapping[str, Sequence[ControlLayer]] = field(default_factory=dict)
    attestations: Sequence[Attestation] = ()
    packages: Sequence[Path] = ()
    estates: Sequence[ExpectedVerdicts] = ()
    edition: Edition = field(default_factory=Edition)
    dropped: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[tuple[str, str], Node] = field(default_factory=dict)
    signs: Sequence[Sign] | None = None

    @property
    def called(self) -> str:
        """Return its name, with the edition where that is not the latest."""
        return self.name if self.edition.is_latest else f"{self.name}@{self.edition.name}"


def find(name_or_path: str, shipped: Path) -> Path:
    """Return the file of a baseline given by name (of the shipped ones) or by path. ContentError where there is none."""
    own = shipped / name_or_path / PACKAGE
    if "/" not in name_or_path and own.is_file():
        return own
    path = Path(name_or_path)
    try:
        if path.is_dir():
            path = path / PACKAGE
        if path.is_file():
            return path
    except OSError as problem:
        raise ContentError(f"{name_or_path}: cannot be read: {problem.strerror}") from problem
    known = names(shipped)
    hint = suggestion(name_or_path, known) or f"known: {', '.join(known)}"
    raise ContentError(f"there is no baseline '{name_or_path}'", f"{hint}; or give the path of a baseline file")


def names(shipped: Path) -> list[str]:
    """Return the names of the shipped baselines, sorted."""
    return sorted(item.parent.name for item in shipped.glob(f"*/{PACKAGE}"))


def files(shipped: Path) -> list[Path]:
    """Return all files of the shipped baselines, folder by folder, sorted."""
    found: list[Path] = []
    for base, folders, listed in os.walk(shipped):
        folders.sort()
        found += [Path(base, name) for name in sorted(listed)]
    return found


def load(reference: str, shipped: Path) -> Baseline:
    """Read a baseline with all that it extends, by name or path; `NAME@EDITION` asks for an edition other than the latest.

    ContentError at the first mistake.
    """
    name, edition = editions.split(reference)
    return _load(find(name, shipped), shipped, (), edition)


def _load(path: Path, shipped: Path, below: tuple[Path, ...], edition: str) -> Baseline:
    real = path.resolve()
    if real in below or len(below) >= MAX_EXTENDS:
        chain = " → ".join(item.parent.name + "/" + item.name for item in (*below, real))
        raise ContentError(f"{path}: a baseline extends itself: {chain}", "remove one of the 'extends'")
    node = load_file(path)
    is_overlay = isinstance(node.value, dict) and "extends" in node.value
    document = (
        validation.check(node, documents.OverlayDocument)
        if is_overlay
        else validation.check(node, documents.WholeBaselineDocument)
    )
    own_edition = editions.chosen(document.editions, edition, str(path))
    if isinstance(document, documents.WholeBaselineDocument):
        if edition and not own_edition.known:
            raise ContentError(f"{path}: the baseline has no editions", f"leave '@{edition}' out")
        return _own(document, node, path, own_edition)
    target, asked = _extended(node.child("extends"), path, shipped)
    base = _load(target, shipped, (*below, real), asked or ("" if own_edition.known else edition))
    own = _own(document, node, path, own_edition if own_edition.known else base.edition)
    return overlay.over(base, own, document, node)


def _extended(node: Node, path: Path, shipped: Path) -> tuple[Path, str]:
    """Return the file of the baseline below, and the edition that is asked of it."""
    text, edition = editions.split(node.text("extends"))
    if re.fullmatch(r"[\w-]+(\.[\w-]+)*", text) and len(text) < 100 and (shipped / text / PACKAGE).is_file():
        return shipped / text / PACKAGE, edition
    target = _inside(node, text, path, "extend a shipped baseline by name, or a file beside it")
    if target is None:
        node.fail(f"there is no baseline '{text}'", suggestion(text, names(shipped)))
    return target, edition


def _own(
    document: documents.WholeBaselineDocument | documents.OverlayDocument, node: Node, path: Path, edition: Edition
) -> Baseline:
    mistakes = Mistakes()
    tables = {name: mistakes.of(_beside, node.child("tables", name), path, edition) for name in document.tables}
    found = mistakes.of(_components, node.child("components"), path, edition) if document.components else None
    components, places = found or ({}, {})
    estates = [
        mistakes.of(_expected, each, node.child("estates", number), path)
        for number, each in enumerate(document.estates)
    ]
    controls = {name: mistakes.of(_files, node.child("controls", name), path) or () for name in document.controls}
    declared: dict[str, Parameter] = {}
    if isinstance(document, documents.WholeBaselineDocument):
        read = [mistakes.of(parameters.declared, name, given, node.child("parameters", name))
                for name, given in document.parameters.items()]  # fmt: skip
        declared = {parameter.name: parameter for parameter in read if parameter is not None}
    signs = (
        None
        if document.signs is None
        else [mistakes.of(_sign, each, node.child("signs", number)) for number, each in enumerate(document.signs)]
    )
    mistakes.raise_any()
    return Baseline(
        name=document.name,
        version=document.version,
        title=_line(document.title),
        description=_line(document.description),
        references=document.references,
        rules=[(glob, node.child("rules", number)) for number, glob in enumerate(document.rules)],
        declared=declared,
        parameters={name: parameter.default for name, parameter in declared.items()},
        own={name: node.child("parameters", name) for name in document.parameters if name not in declared},
        settings={
            rule: Setting(entry.enabled, entry.severity, entry.parameters, str(node.child("settings", rule).mark))
            for rule, entry in document.settings.items()
        },
        tables=tables,
        components=components,
        places=places,
        controls={name: [ControlLayer(files)] for name, files in controls.items()},
        attestations=[
            Attestation(**each.model_dump(), place=str(node.child("attestations", number).mark))
            for number, each in enumerate(document.attestations)
        ],
        file=str(path),
        chain=[str(path)],
        packages=[path.parent] if path.name == PACKAGE else (),
        estates=[each for each in estates if each is not None],
        signs=None if signs is None else [each for each in signs if each is not None],
        edition=edition,
    )


def _line(text: str) -> str:
    return " ".join(text.split())


def own_signs(path: Path) -> tuple[Sequence[Sign], Sequence[str]]:
    """Return the signs that a baseline file gives itself, with its editions, and read nothing else of it."""
    given = load_file(path)
    entries = given.value if isinstance(given.value, dict) else {}
    listed, known = (entries[key].value if key in entries else None for key in ("signs", "editions"))
    signs = [
        _sign(validation.check(each, documents.SignDocument), each)
        for each in (listed if isinstance(listed, list) else ())
    ]
    return signs, [str(each.value) for each in (known if isinstance(known, list) else ())]


def _sign(document: documents.SignDocument, node: Node) -> Sign:
    try:
        where = [read_condition(entry, "sign") for entry in document.where]
    except ContentError as problem:
        node.child("where").fail(problem.message, problem.hint)
    return Sign(document.type, where, document.weight, document.edition or "")


def _expected(document: documents.EstateDocument, node: Node, path: Path) -> ExpectedVerdicts:
    target = _inside(node.child("file"), document.file, path, "keep the estate beside the baseline")
    if target is None:
        node.child("file").fail(f"there is no file '{document.file}' beside the baseline")
    return ExpectedVerdicts(target, document.as_of, document.fails, document.unknown, str(node.mark))


def _components(node: Node, path: Path, edition: Edition) -> tuple[dict[str, object], Mapping[tuple[str, str], Node]]:
    """Return the components, and where each names a property: there or in a file beside the baseline."""
    written = _node_beside(node, path)
    components = edition.of(written)
    if not isinstance(components, dict):
        node.fail("components must be a mapping, or the name of a file with one")
    return components, dict(_paths_in(written))


_PATHS: Final = (("reach", "property"), ("where", "path"))
"""Where a component names a property: key of a list, and key in each of it."""


def _paths_in(components: Node) -> Iterator[tuple[tuple[str, str], Node]]:
    for name, component in components.value.items() if isinstance(components.value, dict) else ():
        entries = component.value if isinstance(component.value, dict) else {}
        for listed, key in _PATHS:
            for text, given in _named_in(entries[listed], key) if listed in entries else ():
                yield (name, text), given


def _named_in(listed: Node, key: str) -> Iterator[tuple[str, Node]]:
    """Yield the texts under a key of each entry of a list, and of the entries below `any`."""
    for item in listed.value if isinstance(listed.value, list) else ():
        entries = item.value if isinstance(item.value, dict) else {}
        if "any" in entries:
            yield from _named_in(entries["any"], key)
        elif key in entries and isinstance(text := entries[key].value, str):
            yield text, entries[key]


def _beside(node: Node, path: Path, edition: Edition) -> object:
    """Return a table: written out, or the content of a file in the baseline's own folder."""
    return edition.of(_node_beside(node, path))


def _node_beside(node: Node, path: Path) -> Node:
    if not isinstance(node.value, str):
        return node
    target = _inside(node, node.value, path, "keep the file beside the baseline")
    if target is None:
        node.fail(f"there is no file '{node.value}' beside the baseline")
    return load_file(target)


def _files(node: Node, path: Path) -> Sequence[Node]:
    """Return the files of controls that a baseline names: one beside it, or all of a folder beside it, sorted."""
    target = _there(node, node.text("controls"), path, "keep the controls beside the baseline")
    files = [] if target is None else sorted(target.glob("*.yaml")) if target.is_dir() else [target]
    if not files:
        node.fail(f"there is no file '{node.value}', and no folder with files of controls, beside the baseline")
    return [load_file(file) for file in files]


def _inside(node: Node, text: str, path: Path, hint: str) -> Path | None:
    """Return the file that a text names in the baseline's own folder, or None where there is none."""
    target = _there(node, text, path, hint)
    return target if target is not None and target.is_file() else None


def _there(node: Node, text: str, path: Path, hint: str) -> Path | None:
    """Return the file or folder that a text names in the baseline's own folder, or None where there is none."""
    try:
        target = (path.parent / text).resolve()
        if not target.is_relative_to(path.parent.resolve()):
            node.fail(f"'{text}' leads out of the baseline's folder", hint)
        return target if target.exists() else None
    except (OSError, ValueError):  # a name that no file can have: too long, or with a null character
        return None
