"""Read baseline files: which rules are in force, with which parameters, severities, tables and components."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from auditor.errors import ContentError, Mistakes
from auditor.model import Severity
from auditor.rulebook.documents import BaselineDocument
from auditor.rulebook.rule import Rule
from auditor.rulebook.validation import check
from auditor.yaml_source import Node, kind_of, load_file, load_text, suggestion

MAX_EXTENDS: Final = 8


@dataclass(frozen=True, slots=True)
class Setting:
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


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline before its rules are chosen. `rules` are globs in order; one that begins with `!` takes rules out again."""

    name: str
    version: str
    title: str
    description: str
    references: Sequence[str]
    rules: Sequence[tuple[str, Node]]
    parameters: Mapping[str, Any]
    settings: Mapping[str, Setting]
    tables: Mapping[str, Any]
    components: Mapping[str, Any]
    file: str
    chain: Sequence[str]


def find(name_or_path: str, shipped: Path) -> Path:
    """Return the file of a baseline given by name (of the shipped ones) or by path. ContentError where there is none."""
    own = shipped / name_or_path / "baseline.yaml"
    if "/" not in name_or_path and own.is_file():
        return own
    path = Path(name_or_path)
    try:
        if path.is_dir():
            path = path / "baseline.yaml"
        if path.is_file():
            return path
    except OSError as problem:
        raise ContentError(f"{name_or_path}: cannot be read: {problem.strerror}") from problem
    names = sorted(item.parent.name for item in shipped.glob("*/baseline.yaml"))
    hint = suggestion(name_or_path, names) or f"known: {', '.join(names)}"
    raise ContentError(f"there is no baseline '{name_or_path}'", f"{hint}; or give the path of a baseline file")


def load(name_or_path: str, shipped: Path) -> Baseline:
    """Read a baseline with all that it extends. ContentError at the first mistake."""
    return _load(find(name_or_path, shipped), shipped, ())


def _load(path: Path, shipped: Path, below: tuple[Path, ...]) -> Baseline:
    real = path.resolve()
    if real in below or len(below) >= MAX_EXTENDS:
        chain = " → ".join(item.parent.name + "/" + item.name for item in (*below, real))
        raise ContentError(f"{path}: a baseline extends itself: {chain}", "remove one of the 'extends'")
    node = load_file(path)
    document = check(node, BaselineDocument)
    own = _own(document, node, path)
    if document.extends is None:
        return own
    base = _load(_extended(node.child("extends"), path, shipped), shipped, (*below, real))
    return _overlay(base, own, node)


def _extended(node: Node, path: Path, shipped: Path) -> Path:
    text = node.text("extends")
    if re.fullmatch(r"[\w-]+(\.[\w-]+)*", text) and len(text) < 100 and (shipped / text / "baseline.yaml").is_file():
        return shipped / text / "baseline.yaml"
    target = _inside(node, text, path, "extend a shipped baseline by name, or a file beside it")
    if target is None:
        names = sorted(item.parent.name for item in shipped.glob("*/baseline.yaml"))
        node.fail(f"there is no baseline '{text}'", suggestion(text, names))
    return target


def _own(document: BaselineDocument, node: Node, path: Path) -> Baseline:
    mistakes = Mistakes()
    tables = {name: mistakes.of(_beside, node.child("tables", name), path) for name in document.tables}
    components = mistakes.of(_components, node.child("components"), path) if document.components else {}
    mistakes.raise_any()
    return Baseline(
        name=document.name,
        version=document.version,
        title=_line(document.title),
        description=_line(document.description),
        references=document.references,
        rules=[(glob, node.child("rules", number)) for number, glob in enumerate(document.rules)],
        parameters=document.parameters,
        settings={
            rule: Setting(entry.enabled, entry.severity, entry.parameters, str(node.child("settings", rule).mark))
            for rule, entry in document.settings.items()
        },
        tables=tables,
        components=components or {},
        file=str(path),
        chain=[str(path)],
    )


def _line(text: str) -> str:
    return " ".join(text.split())


def _components(node: Node, path: Path) -> dict[str, Any]:
    components = node.plain() if isinstance(node.value, dict) else _beside(node, path)
    if not isinstance(components, dict):
        node.fail("components must be a mapping, or the name of a file with one")
    return components


def _beside(node: Node, path: Path) -> Any:
    """Return a table: written out, or the content of a file in the baseline's own folder."""
    if not isinstance(node.value, str):
        return node.plain()
    target = _inside(node, node.value, path, "keep the file beside the baseline")
    if target is None:
        node.fail(f"there is no file '{node.value}' beside the baseline")
    return load_file(target).plain()


def _inside(node: Node, text: str, path: Path, hint: str) -> Path | None:
    """Return the file that a text names in the baseline's own folder, or None where there is none."""
    try:
        target = (path.parent / text).resolve()
        if not target.is_relative_to(path.parent.resolve()):
            node.fail(f"'{text}' leads out of the baseline's folder", hint)
        return target if target.is_file() else None
    except (OSError, ValueError):  # a name that no file can have: too long, or with a null character
        return None


def _overlay(base: Baseline, own: Baseline, node: Node) -> Baseline:
    mistakes = Mistakes()
    parameters = dict(base.parameters)
    for name in own.parameters:
        parameters[name] = mistakes.of(_merged, name, base.parameters, node.child("parameters", name))
    mistakes.raise_any()
    return replace(
        own,
        title=own.title or base.title,
        description=own.description or base.description,
        references=[*base.references, *own.references],
        rules=[*base.rules, *own.rules],
        parameters=parameters,
        settings={**base.settings, **{rule: item.over(base.settings.get(rule)) for rule, item in own.settings.items()}},
        tables={**base.tables, **own.tables},
        components={**base.components, **own.components},
        chain=[*own.chain, *base.chain],
    )


def _merged(name: str, known: Mapping[str, Any], node: Node) -> Any:
    if name not in known:
        node.fail(f"no baseline below declares a parameter '{name}'", suggestion(name, known))
    old = known[name]
    if isinstance(old, dict) and isinstance(node.value, dict):
        return {**old, **{key: _merged_key(key, old, item) for key, item in node.value.items()}}
    if old is not None and node.value is not None and not _same_kind(old, node.plain()):
        node.fail(f"parameter '{name}' must be {kind_of(old)}, not {kind_of(node.value)}")
    return node.plain()


def _merged_key(key: str, old: Mapping[str, Any], node: Node) -> Any:
    if key not in old and old:
        node.fail(f"there is no '{key}' in this parameter", suggestion(key, old))
    return _merged(key, old, node) if key in old else node.plain()


def _same_kind(old: Any, new: Any) -> bool:
    numbers = (int, float)
    if isinstance(old, bool) or isinstance(new, bool):
        return isinstance(old, bool) and isinstance(new, bool)
    return type(old) is type(new) or (isinstance(old, numbers) and isinstance(new, numbers))


def with_assignment(baseline: Baseline, text: str, rules: Mapping[str, Rule]) -> Baseline:
    """Return the baseline with one `--set PARAMETER=VALUE` carried out; `min_instances.app_service=2` reaches inside."""
    declared = {name: item.default for rule in rules.values() for name, item in rule.parameters.items()}
    known = {**declared, **baseline.parameters}
    name, sign, value = text.partition("=")
    keys = name.strip().split(".")
    if not sign or not keys[0]:
        raise ContentError(f"--set {text}: write PARAMETER=VALUE")
    node = load_text(value if value.strip() else "''", f"--set {name}")
    for key in reversed(keys[1:]):
        node = Node({key: node}, node.mark, {key: node.mark})
    if keys[0] not in known:
        hint = suggestion(keys[0], known)
        raise ContentError(f"--set {text}: no rule or baseline declares a parameter '{keys[0]}'", hint)
    merged = _merged(keys[0], known, node)
    return replace(baseline, parameters={**baseline.parameters, keys[0]: merged})
