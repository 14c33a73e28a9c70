"""An analysis sees no more than it declares: what it does not declare may be missing without a fact that changes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import Any

import pytest
from msgspec.structs import replace

from auditor import audit
from auditor.analysis.contract import Analysis, Context
from auditor.analysis.registry import ANALYSES
from auditor.architecture import reads as binding
from auditor.architecture.declare import read_declarations
from auditor.azure.catalogue import shipped
from auditor.estate.coded_relations import CODED, READERS
from auditor.estate.graph import Estate
from auditor.estate.lookup import build
from auditor.inputs import read
from auditor.model import Gap, Resource
from auditor.rulebook import in_force
from auditor.rulebook.in_force import RuleSet, Selection
from auditor.snapshot.model import Snapshot
from tests.checkout import ROOT
from tests.estates.left_out import optional_types, without_calls

ESTATES = {
    "chat": ("openai-chat", ROOT / "samples/chat.json"),
    "landing zone": ("openai-chat", ROOT / "samples/landing-zone.json"),
    "help desk": ("foundry-chat", ROOT / "baselines/foundry-chat/estates/help-desk.json"),
    "every type": ("openai-chat", ROOT / "samples/chat.json"),
    "every type of agents": ("foundry-chat", ROOT / "baselines/foundry-chat/estates/help-desk.json"),
}
_GROUP = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg-every/providers"


class DeclaredOnly(Estate):
    """An estate that answers questions about some types only; nobody may ask about the others."""

    hidden: frozenset[str] = frozenset()

    def _asked(self, resource_type: str) -> None:
        assert resource_type.lower() not in self.hidden, f"asked about {resource_type}, which is not declared"

    def of_type(self, resource_type: str) -> Sequence[Resource]:
        self._asked(resource_type)
        return super().of_type(resource_type)

    def type_gap(self, resource_type: str, scope: str = "") -> Gap | None:
        self._asked(resource_type)
        return super().type_gap(resource_type, scope)

    def gaps_in(self, resource_type: str) -> Sequence[Gap]:
        self._asked(resource_type)
        return super().gaps_in(resource_type)

    def children(self, resource_id: str, child_type: str) -> Sequence[Resource]:
        self._asked(child_type)
        return super().children(resource_id, child_type)


@cache
def rules_of(baseline: str) -> RuleSet:
    return in_force.load(Selection(baseline))


@cache
def context_of(name: str) -> tuple[Snapshot, Context]:
    baseline, path = ESTATES[name]
    snapshot = read.read(path)
    if name.startswith("every"):
        bare = [Resource.of(body) for body in one_of_each({one.type_key for one in snapshot.resources})]
        listed = {one.key: one for one in [*bare, *snapshot.resources]}
        snapshot = replace(snapshot, resources=[listed[key] for key in sorted(listed)])
    return snapshot, audit.context(snapshot, rules_of(baseline), audit.Terms(complete=True))


def one_of_each(there: set[str]) -> list[dict[str, Any]]:
    """Return a bare resource of every type that an estate does not have."""
    found = []
    for kind in shipped():
        namespace, *names = kind.name.split("/")
        if kind.key not in there and names and not kind.key.startswith("microsoft.resources/"):
            own = f"{_GROUP}/{namespace}/" + "/".join(f"{name}/x" for name in names)
            found.append({"id": own, "name": "x", "type": kind.name, "location": "swedencentral", "properties": {}})
    return found


def bound_by(name: str) -> frozenset[str]:
    """Return the types by which components are bound, which are always read."""
    rules = rules_of(ESTATES[name][0])
    declared = read_declarations(rules.baseline.components, rules.baseline.parameters, rules.catalogue.ways)
    return binding.types_read(declared, rules.catalogue)


def facts_of(analysis: Analysis, context: Context) -> list[str]:
    facts = [
        repr((fact.fact_kind, fact.about, fact.body(), list(fact.gaps()), fact.sentence()))
        for fact in analysis.run(context)
    ]
    return [*facts, *map(repr, analysis.unlisted(context))]


@pytest.mark.parametrize("name", ESTATES)
@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda one: one.name)
def test_facts_are_the_same_without_what_an_analysis_does_not_declare(analysis: Analysis, name: str) -> None:
    snapshot, context = context_of(name)
    declared = {one.lower() for one in analysis.reads | analysis.details} | bound_by(name)
    hidden = frozenset(kind for kind in optional_types() if kind not in declared)
    calls = [(start, kind) for kind in hidden for start in starts_of(kind)]
    thin = without_calls(snapshot, calls)
    thin = replace(thin, resources=[one for one in thin.resources if one.type_key not in hidden])

    estate = DeclaredOnly(thin, complete=True, catalogue=context.estate.catalogue)
    estate.hidden = hidden

    assert facts_of(analysis, replace(context, estate=estate)) == facts_of(analysis, context)


def starts_of(kind: str) -> Sequence[str]:
    known = shipped().get(kind)
    assert known is not None
    assert known.listing is not None
    diagnosed = [one.key for one in shipped() if one.has_diagnostics]
    return [start for on in known.listing.on for start in (diagnosed if on == "diagnosed" else [on])]


def test_what_hides_nothing_changes_facts_where_it_hides_what_is_declared() -> None:
    """The law would hold for a filter that does nothing; this one does."""
    snapshot, context = context_of("chat")
    gateway = next(one for one in ANALYSES if one.name == "gateway")
    thin = without_calls(snapshot, [("microsoft.keyvault/vaults", "Microsoft.KeyVault/vaults/secrets")])

    estate = Estate(thin, complete=True)

    assert facts_of(gateway, replace(context, estate=estate)) != facts_of(gateway, context)


@pytest.mark.parametrize("name", ESTATES)
def test_readers_in_code_derive_the_relations_that_are_named_for_them(name: str) -> None:
    snapshot, _ = context_of(name)
    lookup = build(snapshot.resources, shipped())
    for resource in snapshot.resources:
        if reader := READERS.get(resource.type_key):
            assert {relation.kind for relation in reader(resource, lookup)} <= set(CODED[resource.type_key])
    assert READERS.keys() <= CODED.keys()


@pytest.mark.parametrize("estate", ["chat", "landing zone", "help desk"])
def test_an_analysis_by_kind_yields_all_of_a_kind_before_the_next(estate: str) -> None:
    baseline, path = ESTATES[estate]
    context = audit.context(read.read(path), in_force.load(Selection(baseline)), audit.Terms(complete=True))

    for analysis in (each for each in ANALYSES if each.is_by_kind):
        kinds = [kind for kind, _ in groupby(fact.fact_kind for fact in analysis.run(context))]
        assert kinds
        assert len(kinds) == len(set(kinds))
