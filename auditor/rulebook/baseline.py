"""Read baseline files: which rules are in force, with which parameters, severities, tables and components."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from auditor.errors import ContentError
from auditor.model import Severity
from auditor.rulebook.load import severity
from auditor.rulebook.rule import Rule
from auditor.yaml_source import Node, kind_of, load_file, load_text, suggestion

_KEYS: Final = (
    "name", "version", "title", "description", "references", "extends", "rules", "parameters", "settings", "tables",
    "components",
)  # fmt: skip
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
    entries = node.check_keys(_KEYS, "a baseline")
    for key in ("name", "version"):
        if key not in entries:
            node.fail(f"a baseline needs '{key}'")
    if not isinstance(entries["version"].value, str):
        entries["version"].fail("version must be text", "write it in quotes, so that 2024.10 does not become 2024.1")
    own = _own(path, entries)
    if "extends" not in entries:
        return own
    base = _load(_extended(entries["extends"], path, shipped), shipped, (*below, real))
    return _overlay(base, own, entries)


def _extended(node: Node, path: Path, shipped: Path) -> Path:
    text = node.text("extends")
    if re.fullmatch(r"[\w-]+(\.[\w-]+)*", text) and len(text) < 100 and (shipped / text / "baseline.yaml").is_file():
        return shipped / text / "baseline.yaml"
    target = _inside(node, text, path, "extend a shipped baseline by name, or a file beside it")
    if target is None:
        names = sorted(item.parent.name for item in shipped.glob("*/baseline.yaml"))
        node.fail(f"there is no baseline '{text}'", suggestion(text, names))
    return target


def _own(path: Path, entries: Mapping[str, Node]) -> Baseline:
    def text(key: str) -> str:
        return " ".join(entries[key].text(key).split()) if key in entries else ""

    def plain(key: str) -> dict[str, Any]:
        return {name: item.plain() for name, item in entries[key].mapping(key).items()} if key in entries else {}

    rules = entries["rules"].items("rules") if "rules" in entries else []
    settings = entries["settings"].mapping("settings") if "settings" in entries else {}
    references = entries["references"].items("references") if "references" in entries else []
    tables = entries["tables"].mapping("tables") if "tables" in entries else {}
    return Baseline(
        name=text("name"),
        version=text("version"),
        title=text("title"),
        description=text("description"),
        references=[item.text("a reference") for item in references],
        rules=[(item.text("a rule glob"), item) for item in rules],
        parameters=plain("parameters"),
        settings={rule: _setting(item) for rule, item in settings.items()},
        tables={name: _beside(item, path) for name, item in tables.items()},
        components=_components(entries.get("components"), path),
        file=str(path),
        chain=[str(path)],
    )


def _components(node: Node | None, path: Path) -> dict[str, Any]:
    if node is None:
        return {}
    found = node.plain() if isinstance(node.value, dict) else _beside(node, path)
    if not isinstance(found, dict):
        node.fail("components must be a mapping, or the name of a file with one")
    return found


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


def _setting(node: Node) -> Setting:
    entries = node.check_keys(("enabled", "severity", "parameters"), "a rule's settings")
    enabled = entries["enabled"].value if "enabled" in entries else None
    if "enabled" in entries and not isinstance(enabled, bool):
        entries["enabled"].fail("enabled must be true or false")
    given = entries["parameters"].mapping("parameters") if "parameters" in entries else {}
    return Setting(
        enabled if isinstance(enabled, bool) else None,
        severity(entries["severity"]) if "severity" in entries else None,
        {name: item.plain() for name, item in given.items()},
        str(node.mark),
    )


def _overlay(base: Baseline, own: Baseline, entries: Mapping[str, Node]) -> Baseline:
    parameters = dict(base.parameters)
    for name, node in entries["parameters"].mapping("parameters").items() if "parameters" in entries else ():
        parameters[name] = _merged(name, base.parameters, node)
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
