"""Read rule files into rules whose every name has been checked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, assert_never

import msgspec
from msgspec import Struct

from auditor.analysis.contract import Analysis
from auditor.analysis.fact import Fact, Schema
from auditor.azure import paths
from auditor.azure.catalogue import Catalogue
from auditor.azure.vocabulary import ResolvedName, UnknownName, Vocabulary, fact_vocabulary
from auditor.errors import ContentError, Mistakes
from auditor.language import parse
from auditor.language.ast import Condition
from auditor.language.reads import parameters_of
from auditor.lazy_imports import lazy_imports
from auditor.rulebook import command, parameters
from auditor.rulebook.parameters import Parameter
from auditor.rulebook.retired import RETIRED
from auditor.rulebook.rule import Applies, Example, OnComponent, OnFact, OnType, Rule, packed
from auditor.yaml_source import Node, load_file, suggestion

with lazy_imports(__name__):
    from auditor.rulebook import documents, validation

MAX_FILES: Final = 5_000
RELATIONS: Final = "relations"
TYPES: Final = "types"
"""The folder among rules that holds files of resource types."""


class Words(Struct, frozen=True):
    """What rules may refer to: properties of types, fact kinds, components with their types, the baseline's parameters.

    `capabilities` are the components that give each.
    """

    catalogue: Catalogue
    facts: Mapping[str, Analysis]
    components: Mapping[str, Sequence[str]] = msgspec.field(default_factory=dict)
    parameters: Mapping[str, Parameter] = msgspec.field(default_factory=dict)
    capabilities: Mapping[str, Sequence[str]] = msgspec.field(default_factory=dict)


def rule_files(folder: Path) -> list[Path]:
    """Return the rule files of a folder and its areas, sorted; ContentError where there is no folder or no file."""
    if not folder.is_dir():
        raise ContentError(f"{folder}: there is no such folder of rules")
    found: list[Path] = []
    for base, folders, files in os.walk(folder):  # does not follow links to folders, which may lead back here
        folders[:] = sorted(name for name in folders if Path(base, name) not in {folder / TYPES, folder / RELATIONS})
        found += [Path(base) / name for name in sorted(files) if name.endswith((".yaml", ".yml"))]
        if len(found) > MAX_FILES:
            raise ContentError(f"{folder}: holds more than {MAX_FILES} rule files")
    if not found:
        raise ContentError(f"{folder}: holds no rule files", "rules are files named <id>.yaml")
    return found


def load_rules(folders: Iterable[Path], words: Words) -> dict[str, Rule]:
    """Read all rules of the folders, by id. ContentError with the mistakes of all files, or where an id is used twice."""
    rules: dict[str, Rule] = {}
    mistakes = Mistakes()
    for path in (path for folder in folders for path in rule_files(folder)):
        rule = mistakes.of(load_rule, path, words)
        if rule is None:
            continue
        if rule.id in rules:
            mistakes.add(ContentError(f"{path}: rule id '{rule.id}' is already used by {rules[rule.id].file}"))
        rules[rule.id] = rule
    mistakes.raise_any()
    return dict(sorted(rules.items()))


def load_rule(path: Path, words: Words) -> Rule:
    """Read one rule file. ContentError says all that is wrong with it, and where."""
    node = load_file(path)
    mistakes = Mistakes()
    document = mistakes.of(validation.check, node, documents.RuleDocument)
    conditions = mistakes.of(_conditions, node, words)
    if document is None or conditions is None:
        raise mistakes.error()
    if document.id in RETIRED:
        mistakes.of(
            node.child("id").fail, f"the id '{document.id}' was a rule's and is never used again", "choose another"
        )
    if document.id != path.stem:
        mistakes.of(node.child("id").fail, f"the id must equal the file's name, '{path.stem}'")
    declares = mistakes.of(_declared, document, words, node) or {}
    known = {name: words.parameters[name] for name in document.parameters if name in words.parameters} | declares
    undeclared = [name for name in document.parameters if name not in known]
    mistakes.of(_check_reads, document, conditions, node)
    mistakes.of(_check_command, document.remediation.cli, conditions.vocabulary, node.child("remediation", "cli"))
    mistakes.of(_check_changes, document.remediation.changes, node.child("remediation", "changes"))
    mistakes.of(_check_path, document.remediation.changed_on, node.child("remediation", "changed_on"))
    for number, example in enumerate(document.examples):
        mistakes.of(_check_values, example, known, undeclared, node.child("examples", number))
        mistakes.of(_check_relations, example, words.catalogue, node.child("examples", number))
    mistakes.raise_any()
    return Rule(
        id=document.id,
        title=document.title,
        fault=document.fault.strip(),
        severity=document.severity,
        rationale=" ".join(document.rationale.split()),
        remediation_text=" ".join(document.remediation.text.split()),
        remediation_cli=document.remediation.cli.strip(),
        remediation_bicep=document.remediation.bicep.strip(),
        changes=" ".join(document.remediation.changes.split()),
        changed_on=document.remediation.changed_on.strip(),
        references=document.references,
        controls=dict(sorted(document.controls.items())),
        parameters=known,
        declares=declares,
        undeclared=undeclared,
        applies=_applies(document, conditions, words),
        require=conditions.require,
        evidence=conditions.evidence,
        packed_examples=packed(
            [_example(example, node.child("examples", number)) for number, example in enumerate(document.examples)]
        ),
        file=str(path),
        line=node.mark.line,
    )


@dataclass(frozen=True, slots=True)
class _Conditions:
    """The parts of a rule that name properties, and the names that they may use."""

    vocabulary: Vocabulary = field(compare=False)
    require: Condition
    where: Condition | None
    when: Condition | None
    evidence: Sequence[ResolvedName]


def _conditions(node: Node, words: Words) -> _Conditions | None:
    """Read the conditions from their nodes, which know their places; None where the file is too wrong to read them.

    Of several types they are read with the names of each, and must mean the same for all.
    """
    entries = node.value if isinstance(node.value, dict) else {}
    vocabularies = _vocabularies(entries.get("applies"), words)
    if not vocabularies or "require" not in entries:
        return None
    first, *others = (_read_conditions(entries, words, vocabulary) for vocabulary in vocabularies)
    for vocabulary, conditions in zip(vocabularies[1:], others, strict=True):
        if conditions != first:
            entries["applies"].child("types").fail(
                f"the rule means one thing for {vocabularies[0].what} and another for {vocabulary.what}",
                "write a rule for each",
            )
    return first


def _read_conditions(entries: Mapping[str, Node], words: Words, vocabulary: Vocabulary) -> _Conditions | None:
    names = parse.NameScope(words.catalogue, vocabulary, vocabulary, _parameters_named(entries))
    applies = entries["applies"].mapping("applies")
    mistakes = Mistakes()
    where, when = (mistakes.of(parse.condition, applies[key], names) if key in applies else None
                   for key in ("where", "when"))  # fmt: skip
    require = mistakes.of(parse.condition, entries["require"], names)
    listed = entries["evidence"].value if "evidence" in entries else None
    evidence = mistakes.each(listed if isinstance(listed, list) else (), lambda item: _evidence_path(item, vocabulary))
    mistakes.raise_any()
    return None if require is None else _Conditions(vocabulary, require, where, when, evidence)


def _parameters_named(entries: Mapping[str, Node]) -> frozenset[str]:
    listed, declared = (entries[key].value if key in entries else None for key in ("parameters", "declares"))
    names = [node.value for node in listed if isinstance(node.value, str)] if isinstance(listed, list) else []
    return frozenset(names) | frozenset(declared if isinstance(declared, dict) else ())


def _vocabularies(node: Node | None, words: Words) -> Sequence[Vocabulary]:
    """Return the names of what a rule is asked of, one vocabulary for each type; none where that cannot be told."""
    entries = node.value if node is not None and isinstance(node.value, dict) else {}
    key = next((key for key in ("fact", "type", "types", "component", "capability") if key in entries), None)
    if key is None:
        return ()
    if key == "types":
        listed = entries[key].value
        names = [str(item.value) for item in listed] if isinstance(listed, list) else []
        return [words.catalogue.of_type(name) for name in names if documents.is_type_name(name)]
    name = entries[key].value
    if not isinstance(name, str):
        return ()
    if key in {"type", "capability"}:
        named = name if key == "type" else str(entries["type"].value) if "type" in entries else ""
        return [words.catalogue.of_type(named)] if documents.is_type_name(named) or not named else ()
    if key == "fact":
        return [_fact_vocabulary(name, entries[key], words)]
    if name not in words.components:
        entries[key].fail(f"the baseline declares no component '{name}'", suggestion(name, words.components))
    types = words.components[name]
    return [words.catalogue.of_type(types[0] if len(types) == 1 else "")]


def condition_about(rule: Rule, node: Node, words: Words) -> Condition:
    """Read a condition on what a rule is asked of, in the rule's own names. ContentError where it names anything else."""
    vocabulary = _vocabulary_asked(rule.applies, words)
    return parse.condition(node, parse.NameScope(words.catalogue, vocabulary, vocabulary, frozenset()))


def _vocabulary_asked(applies: Applies, words: Words) -> Vocabulary:
    """Return the names of what a rule that was read is asked of; of several types, those of the first."""
    match applies:
        case OnFact(kind=kind):
            return _vocabulary_of(words.facts[kind].kind(kind))
        case OnType(types=types):
            return words.catalogue.of_type(types[0])
        case OnComponent(components=components, types=types):
            types = types or sorted({name for component in components for name in words.components[component]})
            return words.catalogue.of_type(types[0] if len(types) == 1 else "")
        case _:
            assert_never(applies)


def _fact_vocabulary(name: str, node: Node, words: Words) -> Vocabulary:
    if name not in words.facts:
        node.fail(f"no analysis yields the fact '{name}'", suggestion(name, words.facts))
    return _vocabulary_of(words.facts[name].kind(name))


@cache
def _vocabulary_of(kind: type[Fact]) -> Vocabulary:
    fields = Schema(kind).fields
    return fact_vocabulary(kind.fact_kind, {path: field.holds for path, field in fields.items()})


def _evidence_path(node: Node, vocabulary: Vocabulary) -> ResolvedName:
    text = node.text("an evidence path")
    try:
        return vocabulary.resolve(text)
    except UnknownName as problem:
        node.fail(f"{vocabulary.what} has no property '{text}' that rules may name so", str(problem))
    except ValueError as problem:
        node.fail(str(problem))


def _applies(document: documents.RuleDocument, conditions: _Conditions, words: Words) -> Applies:
    asked, where, when = document.applies, conditions.where, conditions.when
    match asked:
        case documents.OnTypeDocument():
            return OnType((asked.type,), when)
        case documents.OnTypesDocument():
            return OnType(tuple(asked.types), when)
        case documents.OnComponentDocument():
            return OnComponent((asked.component,), (asked.type,) if asked.type else (), when)
        case documents.OnCapabilityDocument():
            components = tuple(words.capabilities.get(asked.capability, ()))
            return OnComponent(components, (asked.type,) if asked.type else (), when, asked.capability)
        case documents.OnFactDocument():
            return OnFact(asked.fact, where, when)
        case _:
            assert_never(asked)


def _declared(document: documents.RuleDocument, words: Words, node: Node) -> dict[str, Parameter]:
    """Return the parameters that a rule declares itself, which the baseline must not have."""
    mistakes = Mistakes()
    declared: dict[str, Parameter] = {}
    for name, given in document.declares.items():
        place = node.child("declares", name)
        if name in words.parameters:
            mistakes.of(place.fail, f"the baseline declares a parameter '{name}' already", "name it under 'parameters'")
        elif parameter := mistakes.of(parameters.declared, name, given, place):
            declared[name] = parameter
    mistakes.raise_any()
    return declared


def _check_reads(document: documents.RuleDocument, conditions: _Conditions, node: Node) -> None:
    """Refuse a parameter that a rule names and never reads: whoever sets it would change nothing."""
    parts = [part for part in (conditions.require, conditions.where, conditions.when) if part is not None]
    read = {name for part in parts for name in parameters_of(part)}
    mistakes = Mistakes()
    for name in document.declares.keys() - read:
        mistakes.of(node.child("declares", name).fail, f"no condition of the rule reads the parameter '{name}'")
    for number, name in enumerate(document.parameters):
        if name not in read:
            mistakes.of(node.child("parameters", number).fail, f"no condition of the rule reads the parameter '{name}'")
    mistakes.raise_any()


def _check_command(cli: str, vocabulary: Vocabulary, node: Node) -> None:
    """Refuse a command with a place that no finding fills: whoever copies it would run something else."""
    for text in command.left_open(cli):
        node.fail(f"the command leaves '{text}' open", "use " + ", ".join(f"{{{place}}}" for place in command.PLACES))
    for place in command.in_quotes(cli):
        node.fail(f"'{{{place}}}' stands in quotes", "it is quoted when it is filled in: write it outside of them")
    for place in command.places(cli):
        if place.startswith(command.FIELD):
            _check_field(place.removeprefix(command.FIELD), vocabulary, node)
        elif place not in command.PLACES:
            node.fail(f"nothing fills '{{{place}}}' in the command", suggestion(place, command.PLACES))


def _check_changes(changes: str, node: Node) -> None:
    for place in command.places(changes):
        if place != command.PART:
            node.fail(f"nothing fills '{{{place}}}' in what is changed", f"use {{{command.PART}}}, or leave it out")


def _check_path(path: str, node: Node) -> None:
    try:
        if path:
            paths.parse(path)
    except ValueError as problem:
        node.fail(str(problem))


def _check_field(path: str, vocabulary: Vocabulary, node: Node) -> None:
    try:
        vocabulary.resolve(path)
    except UnknownName as problem:
        node.fail(f"{vocabulary.what} has no property '{path}' that a command may name so", str(problem))
    except ValueError as problem:
        node.fail(str(problem))


def _check_values(
    example: documents.ExampleDocument, known: Mapping[str, Parameter], undeclared: Sequence[str], node: Node
) -> None:
    for name, value in example.parameters.items():
        if name not in known and name not in undeclared:
            place = node.child("parameters", name)
            place.fail(f"the rule reads no parameter '{name}'", suggestion(name, known))
        if name in known and (problem := known[name].problem_with(value)):
            node.child("parameters", name).fail(problem)


def _check_relations(example: documents.ExampleDocument, catalogue: Catalogue, node: Node) -> None:
    for name in example.related:
        if name not in catalogue.ways:
            node.child("related", name).fail(f"there is no relation '{name}'", suggestion(name, catalogue.ways))
    for number, text in enumerate(example.uncollected):
        name = text.removeprefix(documents.RELATED)
        if name != text and name not in catalogue.ways:
            place = node.child("uncollected", number)
            place.fail(f"there is no relation '{name}'", suggestion(name, catalogue.ways))


def _example(document: documents.ExampleDocument, node: Node) -> Example:
    return Example(
        name=document.name,
        status=document.verdict,
        resource=document.resource,
        parameters=document.parameters,
        related=document.related,
        uncollected=document.uncollected,
        evidence=[leaf.model_dump(exclude_unset=True) for leaf in document.evidence],
        place=str(node.mark),
    )
