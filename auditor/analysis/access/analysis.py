"""The analysis of access: rows of the role table, assignments, subscriptions, custom roles, identities and vaults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.analysis.access import (
    assignment_facts,
    identity_facts,
    observed,
    row_facts,
    subscription_facts,
    vault_facts,
)
from auditor.analysis.access.expected import TABLE
from auditor.analysis.access.scene import MEMBERS_PARAMETER, set_scene
from auditor.analysis.contract import Analysis, Context
from auditor.model import Fact


def run(context: Context) -> Iterator[Fact]:
    """Yield every fact about access."""
    scene = set_scene(context)
    yield from row_facts.facts(scene)
    yield from assignment_facts.facts(scene)
    yield from subscription_facts.facts(scene)
    yield from identity_facts.facts(scene)
    yield from vault_facts.facts(scene)


ANALYSIS: Final = Analysis(
    name="access",
    facts={
        row_facts.KIND: row_facts.FIELDS,
        assignment_facts.KIND: assignment_facts.FIELDS,
        subscription_facts.KIND: subscription_facts.FIELDS,
        subscription_facts.ROLE_KIND: subscription_facts.ROLE_FIELDS,
        identity_facts.KIND: identity_facts.FIELDS,
        identity_facts.RESOURCE_KIND: identity_facts.RESOURCE_FIELDS,
        vault_facts.KIND: vault_facts.FIELDS,
    },
    run=run,
    reads=observed.READS | identity_facts.READS | vault_facts.READS,
    parameters=frozenset({MEMBERS_PARAMETER}),
    tables=frozenset({TABLE}),
    subjects={
        identity_facts.KIND: {kind: [{}] for kind in sorted(identity_facts.READS)},
        identity_facts.RESOURCE_KIND: {kind: [{}] for kind in sorted(identity_facts.CAPABLE)},
        row_facts.KIND: {kind: [{}] for kind in row_facts.PRINCIPALS},
    },
)
