"""What an analysis is: which facts it yields, what it reads, and how it is run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from auditor.analysis.fact import Fact as FactOfKind
from auditor.analysis.fact import Schema
from auditor.architecture.workloads import Workloads
from auditor.estate.graph import Estate
from auditor.model import Fact, Gap, Json


@dataclass(frozen=True, slots=True)
class Context:
    """What an analysis may look at: the estate, its workloads, the baseline's parameters and tables, the time of judgement."""

    estate: Estate
    workloads: Workloads
    parameters: Mapping[str, Any]
    tables: Mapping[str, Any]
    now: datetime


@dataclass(frozen=True, slots=True)
class Unlisted:
    """That there may be facts of a kind which an analysis does not yield: `fields` are those that they would have."""

    kind: str
    gap: Gap
    fields: Json = field(default_factory=dict)


def _nothing_unlisted(_: Context) -> Iterable[Unlisted]:
    return ()


@dataclass(frozen=True, slots=True)
class Analysis:
    """A named derivation of facts.

    `facts` maps each fact kind to its field paths (`zones[*].name`) with a word on each: rules are checked against it.
    `reads` are the resource types it looks at, `parameters` and `tables` the names it takes from the baseline.
    `subjects` maps a fact kind to the types of which each resource gets a fact, with the fields that tell what kind of
    thing it is (`{"service": "plan"}`): where resources of such a type may be missing, so may facts.
    `unlisted` yields what else leaves it open whether there are more facts than `run` yields.
    """

    name: str
    run: Callable[[Context], Iterable[Fact | FactOfKind]]
    kinds: tuple[type[FactOfKind], ...] = ()
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    reads: frozenset[str] = frozenset()
    parameters: frozenset[str] = field(default_factory=frozenset)
    tables: frozenset[str] = field(default_factory=frozenset)
    subjects: Mapping[str, Mapping[str, Sequence[Json]]] = field(default_factory=dict)
    unlisted: Callable[[Context], Iterable[Unlisted]] = _nothing_unlisted

    def __post_init__(self) -> None:
        declared = {kind.fact_kind: dict.fromkeys(Schema(kind).fields, "") for kind in self.kinds}
        object.__setattr__(self, "facts", {**self.facts, **declared})

    def derive(self, context: Context) -> Iterator[Fact]:
        """Yield the facts of an estate as the engine takes them."""
        return map(_filed, self.run(context))


def _filed(derived: Fact | FactOfKind) -> Fact:
    """Return a fact as the engine takes it."""
    if isinstance(derived, Fact):
        return derived
    about = derived.about
    return Fact(
        kind=derived.fact_kind,
        id=derived.id,
        subject=about.subject,
        sub_object=about.sub_object,
        fields=derived.body(),
        workload=about.workload,
        component=about.component,
        uncollected=dict(sorted(derived.gaps())),
        inputs=tuple(about.inputs),
        summary=derived.sentence(),
        witness=derived.witness(),
        remedy=derived.remedy(),
        presence=derived.presence,
    )
