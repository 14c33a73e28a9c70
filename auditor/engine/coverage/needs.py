"""Say which types of resources the rules in force need, so that nothing else has to be collected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from auditor.analysis.contract import Analysis
from auditor.architecture import reads as binding
from auditor.architecture.declare import read_declarations
from auditor.azure.catalogue import Catalogue
from auditor.azure.resource_type import DIAGNOSED
from auditor.engine.findings.claims import POLICY_EXEMPTIONS
from auditor.estate.navigation import types_behind
from auditor.estate.service_relations import DIAGNOSTIC_SETTINGS
from auditor.language.reads import relations_of
from auditor.rulebook.in_force import RuleInForce, RuleSet
from auditor.rulebook.rule import OnComponent, OnFact, OnType

_UPWARDS: Final = frozenset({"contains", "in-scope"})
"""Relations that, against their direction or by scope, lead to what a resource lies in."""


class Needs(Struct, frozen=True):
    """Types that are needed, in lower case, and those of which the diagnostic settings are; None: all of them."""

    types: frozenset[str] | None = None
    logged: frozenset[str] | None = None

    def has(self, start: str, yields: str, *, is_setting: bool) -> bool:
        """Whether a call is needed, by the type that it starts from and that of what it yields, in lower case.

        `is_setting`: what it yields hangs on resources of many types and is needed of some.
        """
        if self.types is None:
            return True
        if is_setting and self.logged is not None:
            return start in self.logged
        return yields in self.types

    def __or__(self, other: Needs) -> Needs:
        """Return what either needs."""
        return Needs(_either(self.types, other.types), _either(self.logged, other.logged))


EVERYTHING: Final = Needs()


def _either(first: frozenset[str] | None, second: frozenset[str] | None) -> frozenset[str] | None:
    return None if first is None or second is None else first | second


def needs_of(rules: RuleSet) -> Needs:
    """Return what judging by the rules in force, and telling of it, looks at."""
    baseline = rules.baseline
    declared = read_declarations(baseline.components, baseline.parameters, rules.catalogue.ways)
    bound = binding.types_read(declared, rules.catalogue)
    parts = {name.lower() for one in declared for name in one.types}
    needs = Needs(bound | {POLICY_EXEMPTIONS}, frozenset(parts) if DIAGNOSTIC_SETTINGS in bound else frozenset())
    for rule in rules.in_force:
        needs |= _needs_of(rule, rules, parts)
    return needs


def all_of(analyses: Iterable[Analysis]) -> Needs:
    """Return what all of some analyses look at, whatever the baseline."""
    found = list(analyses)
    return Needs(frozenset(name.lower() for one in found for name in one.reads | one.details), None)


def _needs_of(rule: RuleInForce, rules: RuleSet, parts: Iterable[str]) -> Needs:
    applies = rule.applies
    if isinstance(applies, OnFact):
        analysis = rules.analyses[applies.kind]
        own = frozenset(name.lower() for name in analysis.reads | analysis.details)
        logged = _logged(analysis, own, rules, parts)
    else:
        own = frozenset(_subjects(applies, rules))
        logged = None if DIAGNOSTIC_SETTINGS in own else frozenset()
    followed = _followed(rule, rules.catalogue)
    if DIAGNOSTIC_SETTINGS in followed and logged is not None:
        logged |= own | followed | frozenset(parts)
    return Needs(own | followed, logged)


def _logged(analysis: Analysis, own: frozenset[str], rules: RuleSet, parts: Iterable[str]) -> frozenset[str] | None:
    if analysis.logged is not None:
        return frozenset(analysis.logged(rules.baseline.tables, list(parts)))
    return None if DIAGNOSTIC_SETTINGS in own else frozenset()


def _subjects(applies: OnType | OnComponent, rules: RuleSet) -> Iterator[str]:
    named = applies.types
    if isinstance(applies, OnComponent) and not named:
        named = [name for one in applies.components for name in rules.components.get(one, ())]
    return (name.lower() for name in named)


def _followed(rule: RuleInForce, catalogue: Catalogue) -> frozenset[str]:
    """Return the types behind the relations that a rule follows."""
    conditions = [each for each in (rule.rule.require, rule.applies.when) if each is not None]
    ways = [catalogue.ways[name] for condition in conditions for name in relations_of(condition)]
    found = {name for way in ways for name in types_behind(way, catalogue)}
    for way in ways:
        if not way.types and (way.kind not in _UPWARDS or (way.outward and not way.by_scope)):
            found |= {kind.key for kind in catalogue if kind.parent and kind.listing}  # it may lead to any of them
    return frozenset(found)


def settings(catalogue: Catalogue) -> frozenset[str]:
    """Return the types, in lower case, of what hangs on resources of every type with diagnostic settings."""
    return frozenset(_hanging(catalogue))


def _hanging(catalogue: Catalogue) -> Iterator[str]:
    return (kind.key for kind in catalogue if kind.listing and DIAGNOSED in kind.listing.on)
