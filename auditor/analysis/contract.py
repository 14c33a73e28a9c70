"""What an analysis is: which facts it yields, what it reads, and how it is run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from auditor.architecture.workloads import Workloads
from auditor.estate.graph import Estate
from auditor.model import Fact, Json


@dataclass(frozen=True, slots=True)
class Context:
    """What an analysis may look at: the estate, its workloads, the baseline's parameters and tables, the time of judgement."""

    estate: Estate
    workloads: Workloads
    parameters: Mapping[str, Any]
    tables: Mapping[str, Any]
    now: datetime


@dataclass(frozen=True, slots=True)
class Analysis:
    """A named derivation of facts.

    `facts` maps each fact kind to its field paths (`zones[*].name`) with a word on each: rules are checked against it.
    `reads` are the resource types it looks at, `parameters` and `tables` the names it takes from the baseline.
    `subjects` maps a fact kind to the types of which each resource gets a fact, with the fields that tell what kind of
    thing it is (`{"service": "plan"}`): where resources of such a type may be missing, so may facts.
    """

    name: str
    facts: Mapping[str, Mapping[str, str]]
    run: Callable[[Context], Iterable[Fact]]
    reads: frozenset[str] = frozenset()
    parameters: frozenset[str] = field(default_factory=frozenset)
    tables: frozenset[str] = field(default_factory=frozenset)
    subjects: Mapping[str, Mapping[str, Sequence[Json]]] = field(default_factory=dict)
