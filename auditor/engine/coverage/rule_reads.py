"""Say which resource types a rule looks at: those that it judges, and those that its evidence comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from auditor.analysis.contract import Analysis
from auditor.azure.catalogue import Catalogue
from auditor.language.reads import relations_of
from auditor.rulebook.rule import Applies, OnComponent, OnFact, Rule


def types_read(
    rule: Rule, analyses: Mapping[str, Analysis], components: Mapping[str, Sequence[str]], catalogue: Catalogue
) -> frozenset[str]:
    """Return the types that a rule, or the analysis behind it, reads, in lower case."""
    return frozenset(name.lower() for name in _types_read(rule, analyses, components, catalogue))


def _types_read(
    rule: Rule, analyses: Mapping[str, Analysis], components: Mapping[str, Sequence[str]], catalogue: Catalogue
) -> Iterator[str]:
    yield from _subjects(rule.applies, analyses, components)
    for condition in (rule.require, rule.applies.when):
        for relation in relations_of(condition) if condition is not None else ():
            navigation = catalogue.ways[relation]
            yield from navigation.types
            yield from navigation.stated_by
            statements = catalogue.statements.get(navigation.kind, ())
            yield from (name for name, stated in statements if stated.of_parent and not stated.reverse)


def _subjects(
    applies: Applies, analyses: Mapping[str, Analysis], components: Mapping[str, Sequence[str]]
) -> Sequence[str]:
    match applies:
        case OnFact(kind=kind):
            return sorted(analyses[kind].reads)
        case OnComponent(components=named, types=types):
            return types or sorted({name for component in named for name in components.get(component, ())})
        case _:
            return applies.types
