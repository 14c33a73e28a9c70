"""The analysis of access: rows of the role table, assignments, subscriptions, custom roles, identities and vaults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.analysis.access import assignment, identity, subscription, table_row, vault
from auditor.analysis.access.access_graph import MEMBERS_PARAMETER, read_access_graph
from auditor.analysis.access.expected import TABLE
from auditor.analysis.contract import Analysis, Context
from auditor.model import Fact
from auditor.rbac import read


def run(context: Context) -> Iterator[Fact]:
    """Yield every fact about access."""
    scene = read_access_graph(context)
    yield from table_row.derive_facts(scene)
    yield from assignment.derive_facts(scene)
    yield from subscription.derive_facts(scene)
    yield from identity.derive_facts(scene)
    yield from vault.derive_facts(scene)


ANALYSIS: Final = Analysis(
    name="access",
    facts={
        table_row.KIND: table_row.FIELDS,
        assignment.KIND: assignment.FIELDS,
        subscription.KIND: subscription.FIELDS,
        subscription.ROLE_KIND: subscription.ROLE_FIELDS,
        identity.KIND: identity.FIELDS,
        identity.RESOURCE_KIND: identity.RESOURCE_FIELDS,
        vault.KIND: vault.FIELDS,
    },
    run=run,
    reads=read.READS | identity.READS | vault.READS,
    parameters=frozenset({MEMBERS_PARAMETER}),
    tables=frozenset({TABLE}),
    subjects={
        identity.KIND: {kind: [{}] for kind in sorted(identity.READS)},
        identity.RESOURCE_KIND: {kind: [{}] for kind in sorted(identity.CAPABLE)},
        table_row.KIND: {kind: [{}] for kind in table_row.PRINCIPALS},
    },
)
