"""What the facts about access say where more may exist than was seen."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from auditor.analysis.access import ANALYSIS
from auditor.model import Gap
from tests.estates.access import Bodies, assignments, facts_after, of_kind, place, principal_of, table
from tests.estates.contexts import Body, chat_context
from tests.estates.derived import Derived, derive

SITES = Gap("/", "Microsoft.Web/sites", "forbidden")
COMPUTES = Gap("/", "Microsoft.MachineLearningServices/workspaces/computes", "forbidden")
ASSIGNMENTS = Gap("/", "Microsoft.Authorization/roleAssignments", "forbidden")
DEFINITIONS = Gap("/", "Microsoft.Authorization/roleDefinitions", "forbidden")
CLASSIC = Gap("/", "Microsoft.Authorization/classicAdministrators", "forbidden")


def unchanged(bodies: Bodies) -> None:
    """Leave the estate as it is."""


def held_by(component: str, facts: Sequence[Derived]) -> list[Derived]:
    """Return the facts about the assignments of a component's identity."""
    bodies: list[Bodies] = []
    facts_after(bodies.append)
    principal = principal_of(bodies[0], component)
    return [fact for fact in assignments(facts).values() if fact.fields["principalId"] == principal]


def test_of_a_whole_estate_all_components_are_known() -> None:
    (first, *_) = held_by("gateway", facts_after(unchanged))

    assert first.fields["components"] == ["gateway"]
    assert (first.fields["runsTablePart"], first.fields["runsMachineLearning"], first.fields["runsUserFacing"]) == (
        True,
        False,
        True,
    )


def test_a_component_that_was_seen_decides_what_it_is_and_leaves_open_what_else_there_is() -> None:
    (first, *_) = held_by("gateway", facts_after(unchanged, gaps=[COMPUTES]))

    assert first.fields["isWorkloadIdentity"]
    assert first.fields["runsTablePart"]
    assert first.fields["runsUserFacing"]
    assert {"components", "runsMachineLearning"} <= first.uncollected.keys()


def test_what_was_seen_at_a_scope_decides_that_the_workload_is_touched() -> None:
    context = replace(chat_context(gaps=(SITES,)), tables={"roles": table()})
    facts = of_kind(derive(ANALYSIS, context), "access.assignment")
    on_group = next(fact for fact in facts if fact.fields["scopeKind"] == "resource group")
    on_vault = next(fact for fact in facts if fact.fields["scope"] == place("workspace-vault"))

    assert on_group.fields["touchesWorkload"]
    assert on_vault.fields["touchesWorkload"]
    assert "touches" in on_group.uncollected
    assert "workspace-vault" in on_vault.fields["touches"]


def test_an_identity_that_more_may_run_as_has_no_known_list() -> None:
    facts = {fact.subject: fact for fact in of_kind(facts_after(unchanged, gaps=[COMPUTES]), "access.identity")}
    gateway = next(fact for key, fact in facts.items() if key.endswith("id-agw-chat01"))

    assert gateway.fields["isWorkloadIdentity"]
    assert "components" in gateway.uncollected
    assert (gateway.fields["runsWorkspace"], gateway.fields["runsJumpBox"]) == (False, False)


def test_a_jump_box_that_was_not_seen_may_run_as_any_identity() -> None:
    machines = "Microsoft.Compute/virtualMachines"

    def without_machines(bodies: list[Body]) -> None:
        bodies[:] = [body for body in bodies if body["type"] != machines]

    gaps = (Gap("/", machines, "forbidden"), SITES)
    context = replace(chat_context(without_machines, gaps=gaps), tables={"roles": table()})
    facts = of_kind(derive(ANALYSIS, context), "access.identity")

    assert all("runsJumpBox" in fact.uncollected for fact in facts if "/userAssignedIdentities/" in fact.subject)
    assert all("runsWorkspace" in fact.fields for fact in facts)


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (ASSIGNMENTS, "at least 0 principals own the subscription"),
        (DEFINITIONS, "at least 0 of at least 0 custom roles escalate"),
        (CLASSIC, "classic administrators: not known"),
    ],
)
def test_a_count_says_that_it_is_the_least_number_where_more_may_exist(gap: Gap, said: str) -> None:
    (whole,) = of_kind(facts_after(unchanged), "access.subscription")
    (open_,) = of_kind(facts_after(unchanged, gaps=[gap]), "access.subscription")

    assert "at least" not in whole.summary
    assert "not known" not in whole.summary
    assert said in open_.summary


def test_readers_of_a_vault_are_the_least_number_where_more_may_exist() -> None:
    whole = {fact.summary for fact in of_kind(facts_after(unchanged), "access.vault")}
    some = {fact.summary for fact in of_kind(facts_after(unchanged, gaps=[ASSIGNMENTS]), "access.vault")}

    assert not [summary for summary in whole if "at least" in summary]
    assert [summary for summary in some if "at least" in summary]


def test_a_reader_whose_parts_are_not_all_known_leaves_the_separation_open() -> None:
    def only_the_compute_reads(bodies: Bodies) -> None:
        vault, reader = place("workspace-vault"), principal_of(bodies, "online-endpoint")
        for body in bodies.values():
            is_grant = body["type"] == "Microsoft.Authorization/roleAssignments"
            if is_grant and body["properties"]["scope"] == vault:
                body["properties"]["principalId"] = reader

    (known,) = of_kind(facts_after(only_the_compute_reads), "access.vault")
    (open_,) = of_kind(facts_after(only_the_compute_reads, gaps=[SITES]), "access.vault")

    assert known.fields["vaultWideReaders"] == []
    assert known.fields["isSeparated"]
    assert {"vaultWideReaders", "secretReaders[0].userFacing"} <= open_.uncollected.keys()
    assert "isSeparated" not in open_.fields
