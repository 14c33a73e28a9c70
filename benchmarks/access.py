"""Measure the analysis of access: 100,000 assignments over 5,000 definitions and 1,000 scopes, on one core.

Run `python -m benchmarks.access`. It fails above 20 seconds or 500 MB (peak of the whole process, estate included).
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from auditor.analysis.access import ANALYSIS
from auditor.analysis.contract import Context
from auditor.architecture.workloads import Binding, Workload, Workloads
from auditor.estate.graph import Estate
from auditor.model import Resource
from auditor.snapshot.model import Metadata, Snapshot

ASSIGNMENTS: Final = 100_000
DEFINITIONS: Final = 5_000
GROUPS: Final = 100
WORKLOADS: Final = 50
SECONDS: Final = 20.0
MEGABYTES: Final = 500.0

SUBSCRIPTION: Final = "/subscriptions/00000000-0000-0000-0000-000000000001"
AUTHORIZATION: Final = "Microsoft.Authorization"
KINDS: Final = (
    ("workspace", "Microsoft.MachineLearningServices/workspaces"),
    ("workspace-storage", "Microsoft.Storage/storageAccounts"),
    ("workspace-vault", "Microsoft.KeyVault/vaults"),
    ("registry", "Microsoft.ContainerRegistry/registries"),
    ("chat-ui", "Microsoft.Web/sites"),
    ("gateway", "Microsoft.Network/applicationGateways"),
    ("openai", "Microsoft.CognitiveServices/accounts"),
    ("search", "Microsoft.Search/searchServices"),
    ("jump-box", "Microsoft.Compute/virtualMachines"),
)
VERBS: Final = ("read", "write", "delete", "action", "*")
PARTS: Final = ("blobServices", "secrets", "listKeys", "deployments", "config", "*", "roleAssignments", "keys", "jobs")
Body = dict[str, Any]


def main() -> int:
    """Build the estate, run the analysis, print what it took; return 1 above a limit."""
    estate, workloads = build()
    context = Context(estate, workloads, {}, {"roles": table()}, datetime(2024, 1, 1, tzinfo=UTC))
    start = time.process_time()
    kinds = Counter(fact.fact_kind for fact in ANALYSIS.run(context))
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"{seconds:.1f} s, {peak:.0f} MB, {dict(sorted(kinds.items()))}\n")
    return int(seconds > SECONDS or peak > MEGABYTES)


def build() -> tuple[Estate, Workloads]:
    """Return an estate of fixed pseudo-random roles and assignments, with its workloads."""
    chance = random.Random(20240201)  # noqa: S311 - the same numbers every time, not secrets
    resources = [Resource.of(body) for body in [*_workload_bodies(), *_definitions(chance)]]
    scopes = [SUBSCRIPTION, *(f"{SUBSCRIPTION}/resourceGroups/rg{n}" for n in range(GROUPS))]
    scopes += [one.id for one in resources if "identity" in one.body]
    scopes = scopes[:1_000]
    resources.extend(Resource.of(body) for body in _assignments(chance, scopes))
    resources.sort(key=lambda one: one.key)
    estate = Estate(Snapshot(resources, (), Metadata(complete=True), ""))
    found = []
    for number in range(WORKLOADS):
        bound = {name: one for name, kind in KINDS if (one := estate.get(_id(number, kind))) is not None}
        bindings = {name: [Binding(name, one, "structure")] for name, one in bound.items()}
        found.append(Workload(f"w{number}", bound["workspace"], bindings))
    return estate, Workloads(found)


def _id(number: int, kind: str) -> str:
    return f"{SUBSCRIPTION}/resourceGroups/rg{number % GROUPS}/providers/{kind}/r{number}"


def _workload_bodies() -> Iterator[Body]:
    for number in range(GROUPS):
        for name, kind in KINDS:
            identity = {"type": "SystemAssigned", "principalId": f"{name}-{number}"}
            yield {"id": _id(number, kind), "type": kind, "identity": identity, "properties": {}}


def _action(chance: random.Random) -> str:
    _, kind = chance.choice(KINDS)
    return "/".join([kind, *chance.sample(PARTS, chance.randint(0, 2)), chance.choice(VERBS)])


def _definitions(chance: random.Random) -> Iterator[Body]:
    for number in range(DEFINITIONS):
        blocks = [
            {
                "actions": [_action(chance) for _ in range(chance.randint(1, 20))],
                "notActions": [_action(chance) for _ in range(chance.randint(0, 3))],
                "dataActions": [_action(chance) for _ in range(chance.randint(0, 4))],
                "notDataActions": [],
            }
            for _ in range(chance.choice((1, 1, 1, 2)))
        ]
        properties = {"roleName": f"role {number}", "type": "CustomRole", "permissions": blocks}
        kind = f"{AUTHORIZATION}/roleDefinitions"
        yield {"id": f"{SUBSCRIPTION}/providers/{kind}/role-{number}", "type": kind, "properties": properties}


def _assignments(chance: random.Random, scopes: list[str]) -> Iterator[Body]:
    kind = f"{AUTHORIZATION}/roleAssignments"
    names = [name for name, _ in KINDS]
    for number in range(ASSIGNMENTS):
        scope = chance.choice(scopes)
        ours = chance.random() < 0.3
        principal = f"{chance.choice(names)}-{chance.randrange(GROUPS)}" if ours else f"user-{chance.randrange(20_000)}"
        properties = {
            "principalId": principal,
            "principalType": "ServicePrincipal" if ours else chance.choice(("User", "User", "Group")),
            "roleDefinitionId": f"/providers/{AUTHORIZATION}/roleDefinitions/role-{chance.randrange(DEFINITIONS)}",
            "scope": scope,
        }
        yield {"id": f"{scope}/providers/{kind}/a{number}", "type": kind, "properties": properties}


def table() -> Body:
    """Return a role table of ten rows over the workload's components."""
    roles = [
        {"name": f"needed {n}", "guid": f"role-{n}", "permissions": [{"actions": [f"{kind}/read", f"{kind}/*/read"]}]}
        for n, (_, kind) in enumerate(KINDS)
    ]
    rows = [
        {
            "control": f"ROW-{n}",
            "principal": principal,
            "scope": KINDS[n % len(KINDS)][0],
            "role": f"needed {n % len(KINDS)}",
        }
        for n, principal in enumerate(["workspace", "chat-ui", "gateway", "jump-box", "openai"] * 2)
    ]
    return {"rows": rows, "roles": roles}


if __name__ == "__main__":
    sys.exit(main())
