"""The chat estate with its workload bound as the shipped baseline declares it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from auditor.analysis.contract import Context
from auditor.architecture.workloads import bind
from auditor.estate.graph import Estate
from auditor.model import Gap, Resource
from auditor.snapshot.model import Metadata, Snapshot
from auditor.yaml_source import load_file
from tests.checkout import BASELINE
from tests.estates.chat import chat_bodies
from tests.estates.graph import hoisted

Body = dict[str, Any]


@cache
def _load(name: str) -> Any:
    return load_file(BASELINE / name).plain()


def chat_context(
    change: Callable[[list[Body]], object] | None = None, *, gaps: tuple[Gap, ...] = (), **parameters: Any
) -> Context:
    """Return the context of the chat estate after `change`."""
    bodies = chat_bodies()
    if change is not None:
        change(bodies)
    return context_of(hoisted(bodies), gaps=gaps, **parameters)


def context_of(bodies: list[Body], *, gaps: tuple[Gap, ...] = (), **parameters: Any) -> Context:
    """Return a context of ARM objects whose workloads are bound by the shipped baseline."""
    resources = sorted((Resource.of(body) for body in bodies), key=lambda one: one.key)
    estate = Estate(Snapshot(resources, gaps, Metadata(complete=True), "0" * 64))
    declared = _load("baseline.yaml")["parameters"]
    known = {name: parameter["default"] for name, parameter in declared.items()} | parameters
    workloads = bind(estate, known, _load("components.yaml"))
    return Context(estate, workloads, known, {"traffic": _load("traffic.yaml")}, datetime(2024, 2, 20, tzinfo=UTC))
