"""Estates for tests of analyses: built from ARM JSON, or the chat estate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from auditor.analysis.contract import Analysis, Context
from auditor.analysis.fact import Fact, Schema
from auditor.architecture.workloads import Binding, Workload, Workloads
from auditor.estate.graph import Estate
from auditor.model import Gap, Resource
from auditor.snapshot.model import Metadata, Snapshot
from auditor.yaml_source import load_file
from tests.checkout import BASELINE
from tests.estates.chat import chat_bodies
from tests.estates.derived import Derived, derive
from tests.estates.givers import chat_givers

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-0000000000a1"
Body = dict[str, Any]
Make = Callable[..., Context]


def _workloads(resources: Mapping[str, Resource], roles: Mapping[str, Sequence[str]]) -> Workloads:
    if not roles:
        return Workloads()
    bindings = {
        component: [Binding(component, resources[name.lower()], "structure") for name in sorted(names)]
        for component, names in roles.items()
    }
    first = next(iter(bindings.values()))[0].resource
    by_key = {item.resource.key: ("chat", component) for component, found in bindings.items() for item in found}
    return Workloads((Workload("chat", first, bindings, givers=chat_givers()),), (), by_key, givers=chat_givers())


@pytest.fixture(scope="session")
def make() -> Make:
    """Return a function that makes a context of ARM objects; `roles` maps components to ids."""
    files = (*BASELINE.glob("private-*.yaml"), BASELINE / "diagnostics.yaml")
    tables = {path.stem: load_file(path).plain() for path in files}

    def context(
        bodies: Sequence[Any],
        *,
        roles: Mapping[str, Sequence[str]] | None = None,
        parameters: Mapping[str, Any] | None = None,
        gaps: Sequence[Gap] = (),
        complete: bool = True,
        api_version: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Context:
        resources = sorted((Resource.of(body, api_version=api_version) for body in bodies), key=lambda item: item.key)
        known = Metadata(complete=complete, extra=metadata or {})
        estate = Estate(Snapshot(resources, gaps, known, "0" * 64))
        by_key = {resource.key: resource for resource in resources}
        workloads = _workloads(by_key, roles or {})
        return Context(estate, workloads, parameters or {}, tables, datetime(2024, 2, 20, tzinfo=UTC))

    return context


@pytest.fixture(scope="session")
def facts_of() -> Callable[..., list[Derived]]:
    """Return a function that runs an analysis and returns its facts of one kind, checked against its schema."""

    def run(analysis: Analysis, context: Context, kind: str) -> list[Derived]:
        found = derive(analysis, context)
        assert len({fact.id for fact in found}) == len(found), "ids are unique"
        for fact in found:
            missing = {path for path in _paths(fact.fields) if path not in _declared(analysis.kind(fact.kind))}
            assert not missing, f"{fact.kind} has undocumented fields {missing}"
            assert fact.summary
            assert fact.summary.endswith(".")
        return [fact for fact in found if fact.kind == kind]

    return run


@cache
def _declared(record: type[Fact]) -> AbstractSet[str]:
    return Schema(record).fields.keys()


def _paths(value: Any, prefix: str = "") -> set[str]:
    if isinstance(value, Mapping):
        return {path for name, inner in value.items() for path in _paths(inner, f"{prefix}.{name}" if prefix else name)}
    if isinstance(value, list | tuple):
        return {path for inner in value for path in _paths(inner, f"{prefix}[*]")} if prefix != "explicit" else {prefix}
    return {prefix}


GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-chat/providers"
ROLES = {
    "workspace": [f"{GROUP}/Microsoft.MachineLearningServices/workspaces/mlw-chat01"],
    "workspace-storage": [f"{GROUP}/Microsoft.Storage/storageAccounts/stmlchat01"],
    "workspace-vault": [f"{GROUP}/Microsoft.KeyVault/vaults/kv-chat01"],
    "registry": [f"{GROUP}/Microsoft.ContainerRegistry/registries/crchat01"],
    "openai": [f"{GROUP}/Microsoft.CognitiveServices/accounts/oai-chat01"],
    "gateway": [f"{GROUP}/Microsoft.Network/applicationGateways/agw-chat01"],
    "chat-ui": [f"{GROUP}/Microsoft.Web/sites/app-chat01"],
    "flow-app": [f"{GROUP}/Microsoft.Web/sites/app-chat01-pf"],
    "app-plan": [f"{GROUP}/Microsoft.Web/serverfarms/asp-app-chat01"],
    "app-storage": [f"{GROUP}/Microsoft.Storage/storageAccounts/stchat01"],
    "vnet": [f"{GROUP}/Microsoft.Network/virtualNetworks/vnet-chat01"],
}


@pytest.fixture
def chat(make: Make) -> Callable[..., Context]:
    """Return a function that makes a context of the chat estate, after `change` was let loose on its resources."""

    def context(change: Callable[[dict[str, Body]], object] | None = None, **options: Any) -> Context:
        bodies = chat_bodies()
        if change:
            by_name = {f"{body['type'].rpartition('/')[2]}/{body['name']}": body for body in bodies}
            change(by_name)
            bodies = list(by_name.values()) if len(by_name) < len(bodies) else bodies
        return make(bodies, roles=ROLES, **options)

    return context
