"""Say which resource types a rule looks at: those that it judges, and those that its evidence comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from auditor.analysis.contract import Analysis
from auditor.estate.navigation import NAVIGATION
from auditor.language.reads import relations_of
from auditor.rulebook.rule import Applies, OnComponent, OnFact, Rule


def types_read(rule: Rule, analyses: Mapping[str, Analysis], components: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Return the types that a rule, or the analysis behind it, reads, in lower case."""
    return frozenset(name.lower() for name in _types_read(rule, analyses, components))


def _types_read(rule: Rule, analyses: Mapping[str, Analysis], components: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield from _subjects(rule.applies, analyses, components)
    for condition in (rule.require, rule.applies.when):
        for relation in relations_of(condition) if condition is not None else ():
            navigation = NAVIGATION[relation]
            yield from navigation.types
            yield from navigation.stated_by


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
