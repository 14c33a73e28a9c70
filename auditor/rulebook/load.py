"""Read rule files into rules whose every name has been checked."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from auditor.analysis.contract import Analysis
from auditor.azure import paths
from auditor.azure.catalogue import Catalogue
from auditor.azure.vocabulary import ResolvedName, UnknownName, Vocabulary, fact_vocabulary
from auditor.errors import ContentError
from auditor.estate.navigation import NAVIGATION
from auditor.language import parse
from auditor.language.ast import AllOf
from auditor.model import Severity, Status
from auditor.rulebook.rule import PARAMETER_TYPES, Applies, Example, OnComponent, OnFact, OnType, Parameter, Rule
from auditor.yaml_source import Node, load_file, suggestion

_ID: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")
_KEYS: Final = (
    "id", "title", "severity", "rationale", "remediation", "references", "controls", "parameters", "applies",
    "require", "evidence", "examples",
)  # fmt: skip
_REQUIRED: Final = ("id", "title", "severity", "rationale", "remediation", "applies", "require", "examples")
MAX_FILES: Final = 5_000
TYPES: Final = "types"
"""The folder among rules that holds files of resource types."""


@dataclass(frozen=True, slots=True)
class Words:
    """What rules may refer to: properties of types, fact kinds, and the components' types."""

    catalogue: Catalogue
    facts: Mapping[str, Analysis]
    components: Mapping[str, Sequence[str]] = field(default_factory=dict)


def rule_files(folder: Path) -> list[Path]:
    """Return the rule files of a folder and its areas, sorted; ContentError where there is no folder or no file."""
    if not folder.is_dir():
        raise ContentError(f"{folder}: there is no such folder of rules")
    found: list[Path] = []
    for base, folders, files in os.walk(folder):  # does not follow links to folders, which may lead back here
        folders[:] = sorted(name for name in folders if Path(base, name) != folder / TYPES)
        found += [Path(base) / name for name in sorted(files) if name.endswith((".yaml", ".yml"))]
        if len(found) > MAX_FILES:
            raise ContentError(f"{folder}: holds more than {MAX_FILES} rule files")
    if not found:
        raise ContentError(f"{folder}: holds no rule files", "rules are files named <id>.yaml")
    return found


def load_rules(folders: Iterable[Path], words: Words) -> dict[str, Rule]:
    """Read all rules of the folders, by id. ContentError at the first mistake, or where an id is used twice."""
    rules: dict[str, Rule] = {}
    for path in (path for folder in folders for path in rule_files(folder)):
        rule = load_rule(path, words)
        if rule.id in rules:
            raise ContentError(f"{path}: rule id '{rule.id}' is already used by {rules[rule.id].file}")
        rules[rule.id] = rule
    return dict(sorted(rules.items()))


def load_rule(path: Path, words: Words) -> Rule:
    """Read one rule file. ContentError says what is wrong and where."""
    node = load_file(path)
    entries = node.check_keys(_KEYS, "a rule")
    for key in _REQUIRED:
        if key not in entries:
            node.fail(f"a rule needs '{key}'")
    rule_id = entries["id"].text("id")
    if not _ID.fullmatch(rule_id):
        entries["id"].fail(f"'{rule_id}' is no rule id", "use kebab-case, service first: storage-https-only")
    if rule_id != path.stem:
        entries["id"].fail(f"the id must equal the file's name, '{path.stem}'")
    parameters = _parameters(entries.get("parameters"))
    applies_node = entries["applies"]
    vocabulary = _vocabulary(applies_node, words)
    names = parse.NameScope(words.catalogue, vocabulary, vocabulary, frozenset(parameters))
    text, cli, bicep = _remediation(entries["remediation"])
    return Rule(
        id=rule_id,
        title=entries["title"].text("title"),
        severity=severity(entries["severity"]),
        rationale=" ".join(entries["rationale"].text("rationale").split()),
        remediation_text=text,
        remediation_cli=cli,
        remediation_bicep=bicep,
        references=_texts(entries.get("references"), "references"),
        controls=_controls(entries.get("controls")),
        parameters=parameters,
        applies=_applies(applies_node, names),
        require=parse.condition(entries["require"], names),
        evidence=[_evidence_path(item, vocabulary) for item in _items(entries.get("evidence"), "evidence")],
        examples=_examples(entries["examples"], parameters),
        file=str(path),
        source=node,
    )


def severity(node: Node) -> Severity:
    """Read a severity."""
    text = str(node.value).lower()
    if text not in list(Severity):
        node.fail(f"'{node.value}' is no severity", "use critical, high, medium, low or info")
    return Severity(text)


def _items(node: Node | None, what: str) -> list[Node]:
    return [] if node is None else node.items(what)


def _texts(node: Node | None, what: str) -> list[str]:
    return [item.text(f"each of {what}") for item in _items(node, what)]


def _remediation(node: Node) -> tuple[str, str, str]:
    entries = node.check_keys(("text", "cli", "bicep"), "remediation")
    if "text" not in entries:
        node.fail("remediation needs 'text'")
    text, cli, bicep = (entries[key].text(key).strip() if key in entries else "" for key in ("text", "cli", "bicep"))
    return " ".join(text.split()), cli, bicep


def _controls(node: Node | None) -> dict[str, list[str]]:
    if node is None:
        return {}
    found = {framework: _texts(ids, f"controls of {framework}") for framework, ids in node.mapping("controls").items()}
    return dict(sorted(found.items()))


def _parameters(node: Node | None) -> dict[str, Parameter]:
    if node is None:
        return {}
    return {name: _parameter(name, item) for name, item in node.mapping("parameters").items()}


def _parameter(name: str, node: Node) -> Parameter:
    entries = node.check_keys(("type", "default", "allowed", "description"), f"parameter '{name}'")
    kind = str(entries["type"].value).lower() if "type" in entries else ""
    if kind not in PARAMETER_TYPES:
        node.fail(f"parameter '{name}' needs a type", f"one of {', '.join(PARAMETER_TYPES)}")
    allowed = [item.plain() for item in _items(entries.get("allowed"), "allowed")]
    description = entries["description"].text("description") if "description" in entries else ""
    default = entries["default"].plain() if "default" in entries else None
    found = Parameter(name, kind, default, "default" in entries, allowed, description)
    if found.has_default and (problem := found.problem_with(default)):
        entries["default"].fail(problem)
    return found


def _vocabulary(node: Node, words: Words) -> Vocabulary:
    entries = node.check_keys(("type", "fact", "component", "where", "when"), "applies")
    if "fact" in entries:
        kind = entries["fact"].text("fact")
        analysis = words.facts.get(kind)
        if analysis is None:
            entries["fact"].fail(f"no analysis yields the fact '{kind}'", suggestion(kind, words.facts))
        return fact_vocabulary(kind, analysis.facts[kind])
    if "type" in entries:
        return words.catalogue.of_type(entries["type"].text("type"))
    if "component" in entries:
        return words.catalogue.of_type(_component_type(entries["component"], words))
    return node.fail("applies needs 'type', 'fact' or 'component'")


def _component_type(node: Node, words: Words) -> str:
    name = node.text("component")
    if name not in words.components:
        node.fail(f"the baseline declares no component '{name}'", suggestion(name, words.components))
    types = words.components[name]
    return types[0] if len(types) == 1 else ""


def _applies(node: Node, names: parse.NameScope) -> Applies:
    entries = node.mapping("applies")
    if len([key for key in ("type", "fact") if key in entries]) > 1 or ("fact" in entries and "component" in entries):
        node.fail("applies takes a type, a fact or a component")
    types = (_type_name(entries["type"]),) if "type" in entries else ()
    if "where" in entries and "fact" not in entries:
        entries["where"].fail("only a rule on facts takes 'where'", "use 'when'")
    where, when = (parse.condition(entries[key], names) if key in entries else None for key in ("where", "when"))
    if "fact" in entries:
        if where is not None:
            when = where if when is None else AllOf((where, when))
        return OnFact(entries["fact"].text("fact"), where, when)
    if "component" in entries:
        return OnComponent(entries["component"].text("component"), types, when)
    return OnType(types, when)


def _type_name(node: Node) -> str:
    text = node.text("type")
    if not re.fullmatch(r"[A-Za-z0-9]+(\.[A-Za-z0-9]+)+(/[A-Za-z0-9]+)+", text):
        node.fail(f"'{text}' is no resource type", "such as Microsoft.Storage/storageAccounts")
    return text


def _evidence_path(node: Node, vocabulary: Vocabulary) -> ResolvedName:
    text = node.text("an evidence path")
    try:
        return vocabulary.resolve(text)
    except UnknownName as problem:
        node.fail(f"{vocabulary.what} has no property '{text}' that rules may name so", str(problem))
    except ValueError as problem:
        node.fail(str(problem))


def _examples(node: Node, parameters: Mapping[str, Parameter]) -> list[Example]:
    found = [_example(item, parameters) for item in node.items("examples")]
    for status in (Status.PASS, Status.FAIL):
        if not any(example.status is status for example in found):
            node.fail(f"a rule needs at least one example that must {status}")
    return found


def _example(node: Node, parameters: Mapping[str, Parameter]) -> Example:
    keys = ("name", "resource", "verdict", "parameters", "related", "uncollected", "evidence")
    entries = node.check_keys(keys, "an example")
    for key in ("name", "resource", "verdict"):
        if key not in entries:
            node.fail(f"an example needs '{key}'")
    verdict = str(entries["verdict"].value).lower().replace("-", "_")
    if verdict not in list(Status):
        entries["verdict"].fail(f"'{entries['verdict'].value}' is no status", f"use {', '.join(Status)}")
    given = entries["parameters"].mapping("parameters") if "parameters" in entries else {}
    for name, value in given.items():
        if name not in parameters:
            value.fail(f"the rule declares no parameter '{name}'", suggestion(name, parameters))
        if problem := parameters[name].problem_with(value.plain()):
            value.fail(problem)
    entries["resource"].mapping("an example's resource")
    _check_surroundings(entries)
    plain = {key: entry.plain() for key, entry in entries.items()}
    return Example(
        name=entries["name"].text("name"),
        status=Status(verdict),
        resource=plain["resource"],
        parameters=plain.get("parameters", {}),
        related=plain.get("related", {}),
        uncollected=_texts(entries.get("uncollected"), "uncollected"),
        evidence=plain.get("evidence", []),
        place=str(node.mark),
    )


def _check_surroundings(entries: Mapping[str, Node]) -> None:
    """Refuse what would make an example test less than it seems to: misspelt relations, paths and kinds of evidence."""
    related = entries["related"].mapping("related") if "related" in entries else {}
    for name, node in related.items():
        if name not in NAVIGATION:
            node.fail(f"there is no relation '{name}'", suggestion(name, NAVIGATION))
        for item in node.items(f"the related {name}"):
            item.mapping(f"each of the related {name}")
    for item in _items(entries.get("uncollected"), "uncollected"):
        _check_uncollected(item)
    for item in _items(entries.get("evidence"), "evidence"):
        item.check_keys(("path", "operator", "expected", "actual", "assumed", "name"), "an example's evidence")


def _check_uncollected(node: Node) -> None:
    text = node.text("each of uncollected")
    name = text.removeprefix("related:")
    if name != text and name not in NAVIGATION:
        node.fail(f"there is no relation '{name}'", suggestion(name, NAVIGATION))
    if name == text:
        try:
            paths.parse(text)
        except ValueError as problem:
            node.fail(str(problem))
