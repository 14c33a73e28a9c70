"""What an analysis is: which facts it yields, what it reads, and how it is run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct, field

from auditor.analysis.fact import Fact
from auditor.architecture.workloads import Workloads
from auditor.estate.graph import Estate
from auditor.model import Gap


class Context(Struct, frozen=True):
    """What an analysis may look at: the estate, its workloads, the baseline's parameters and tables, the time of judgement."""

    estate: Estate
    workloads: Workloads
    parameters: Mapping[str, object]
    tables: Mapping[str, object]
    now: datetime


class Unlisted(Struct, frozen=True):
    """That there may be facts of a kind which an analysis does not yield: `fields` are those that they would have."""

    kind: str
    gap: Gap
    fields: Mapping[str, object] = field(default_factory=dict)


def _nothing_unlisted(_: Context) -> Iterable[Unlisted]:
    return ()


class Analysis(Struct, frozen=True):
    """A named derivation of facts.

    `kinds` are the kinds of facts that it yields: rules are checked against their declarations.
    `reads` are the resource types it looks at, `parameters` and `tables` the names it takes from the baseline.
    `details` are further types, from which it learns more of a fact that there is: what is not known of them leaves open
    no fact. What binds components counts as read by all. `logged` yields, given the baseline's tables and
    the types of its components, those types, in lower case, whose diagnostic settings it looks at; where it is None and
    the settings are among what it reads, those of all types.
    `subjects` maps a fact kind to the types of which each resource gets a fact, with the fields that tell what kind of
    thing it is (`{"service": "plan"}`): where resources of such a type may be missing, so may facts.
    `unlisted` yields what else leaves it open whether there are more facts than `run` yields.
    `is_by_kind`: it yields all facts of one kind before the first of another, so that they need not be there together.
    """

    name: str
    run: Callable[[Context], Iterable[Fact]]
    kinds: tuple[type[Fact], ...]
    reads: frozenset[str] = frozenset()
    details: frozenset[str] = frozenset()
    logged: Callable[[Mapping[str, object], Collection[str]], Collection[str]] | None = None
    parameters: frozenset[str] = frozenset()
    tables: frozenset[str] = frozenset()
    subjects: Mapping[str, Mapping[str, Sequence[Mapping[str, object]]]] = field(default_factory=dict)
    unlisted: Callable[[Context], Iterable[Unlisted]] = _nothing_unlisted
    is_by_kind: bool = False

    def kind(self, name: str) -> type[Fact]:
        """Return the kind of facts that rules call by this name. KeyError where the analysis yields none such."""
        return {kind.fact_kind: kind for kind in self.kinds}[name]
