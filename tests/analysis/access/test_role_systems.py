"""Rows of the role table about roles that a service keeps itself, about conditions, and about a scope that is preferred."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.analysis.access import ANALYSIS
from auditor.analysis.contract import Context
from auditor.architecture.workloads import Binding, Workload, Workloads
from auditor.azure.catalogue import Catalogue, shipped
from auditor.errors import ContentError
from auditor.estate.graph import Estate
from auditor.model import Gap
from auditor.rbac import service_roles
from auditor.rbac.access_graph import read_access_graph
from auditor.rbac.conditions import Likeness, likeness
from auditor.rbac.operation_sets import EVERYTHING
from auditor.rbac.permissions import Plane
from auditor.rbac.queries import who_can
from auditor.snapshot.model import Metadata, Snapshot
from tests.estates.access import Body, estate_of, of_kind
from tests.estates.derived import Derived, derive

SUBSCRIPTION = "/subscriptions/s1"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg"
PROVIDERS = f"{GROUP}/providers"
ACCOUNT = f"{PROVIDERS}/Microsoft.CognitiveServices/accounts/aif"
PROJECT = f"{ACCOUNT}/projects/p"
COSMOS = f"{PROVIDERS}/Microsoft.DocumentDB/databaseAccounts/cdb"
STORAGE = f"{PROVIDERS}/Microsoft.Storage/storageAccounts/st"
IDENTITY = f"{PROVIDERS}/Microsoft.ManagedIdentity/userAssignedIdentities/id"
SQL = "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments"
WHO = "11111111-0000-0000-0000-000000000001"
STRANGER = "22222222-0000-0000-0000-000000000002"
BLOB_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
USER = "53ca6127-db72-4b80-b1b0-d745d6d5456d"
BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
NAME = "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name]"
PROJECT_GUID = "15874e98-6d72-acb2-c12f-97bf3b7db3e1"
DEMANDED = (
    f"((!(ActionMatches{{'{BLOBS}/tags/read'}}) AND !(ActionMatches{{'{BLOBS}/tags/write'}})) OR "
    f"({NAME} StringStartsWithIgnoreCase '{{principal:properties.internalId|guid}}'))"
)
FILLED_IN = DEMANDED.replace("{principal:properties.internalId|guid}", PROJECT_GUID)

ROLES = [
    {"name": "Cosmos DB Built-in Data Contributor", "guid": "00000000-0000-0000-0000-000000000002", "system": SQL},
    {"name": "Storage Blob Data Owner", "guid": BLOB_OWNER},
    {"name": "Foundry User", "guid": USER},
]
MEMORY = {
    "control": "C",
    "principal": "project",
    "scope": "memory",
    "within": "dbs/enterprise_memory",
    "role": "Cosmos DB Built-in Data Contributor",
}
FILES = {
    "control": "S",
    "principal": "project",
    "scope": "store",
    "role": "Storage Blob Data Owner",
    "condition": DEMANDED,
}
CALLER = {
    "control": "F",
    "principal": "project",
    "scope": "account",
    "preferred_scope": "project",
    "role": "Foundry User",
}


def resource(resource_id: str, /, properties: Mapping[str, Any] | None = None, **more: Any) -> Body:
    parts = resource_id.rpartition("/providers/")[2].split("/")
    kind = "/".join([parts[0], *parts[1::2]])
    return {"id": resource_id, "name": parts[-1], "type": kind, "properties": dict(properties or {}), **more}


NAMED: Body = {"customSubDomainName": "aif"}


def estate_bodies(**project: Any) -> list[Body]:
    identity = {"userAssignedIdentities": {IDENTITY: {"principalId": WHO}}}
    return [
        resource(ACCOUNT, NAMED, kind="AIServices"),
        resource(PROJECT, {"internalId": PROJECT_GUID.replace("-", ""), **project}, identity=identity),
        resource(COSMOS, kind="GlobalDocumentDB"),
        resource(STORAGE),
        resource(IDENTITY, {"principalId": WHO}),
    ]


def kept(scope: str | None, *, who: str = WHO, role: str = "2", name: str = "a", spelled: str = COSMOS) -> Body:
    properties = {
        "principalId": who,
        "roleDefinitionId": f"{spelled}/sqlRoleDefinitions/00000000-0000-0000-0000-00000000000{role}",
    }
    return resource(f"{COSMOS}/sqlRoleAssignments/{name}", properties | ({} if scope is None else {"scope": scope}))


def assigned(role: str, scope: str, condition: str | None = None, name: str = "r") -> Body:
    definition = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    properties = {
        "principalId": WHO,
        "principalType": "ServicePrincipal",
        "roleDefinitionId": definition,
        "scope": scope,
    }
    return resource(
        f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}",
        properties | ({} if condition is None else {"condition": condition, "conditionVersion": "2.0"}),
    )


def facts(
    bodies: list[Body], *rows: Body, gaps: tuple[Gap, ...] = (), roles: list[Body] | None = None
) -> list[Derived]:
    estate = estate_of(bodies, gaps=gaps)
    places = {"account": ACCOUNT, "project": PROJECT, "memory": COSMOS, "store": STORAGE}
    bindings = {
        name: (Binding(name, found, "structure"),) for name, place in places.items() if (found := estate.get(place))
    }
    anchor = bindings["account"][0].resource
    known = {one[0].resource.key: ("w", name) for name, one in bindings.items()}
    workloads = Workloads([Workload("w", anchor, bindings)], (), known)
    tables = {"roles": {"rows": list(rows), "roles": ROLES if roles is None else roles}}
    return derive(ANALYSIS, Context(estate, workloads, {}, tables, datetime(2026, 7, 16, tzinfo=UTC)))


def row(found: list[Derived]) -> tuple[Any, ...]:
    [fact] = of_kind(found, "access.row")
    if "works" in fact.uncollected:
        return ("unknown",)
    return fact.fields["works"], fact.fields["how"], fact.fields["leastPrivilege"]


def sanctioned(found: list[Derived]) -> dict[str, Any]:
    return {
        fact.subject.rpartition("/")[2]: fact.fields.get("sanctioned", "unknown")
        for fact in of_kind(found, "access.assignment")
    }


DATABASE = f"{COSMOS}/dbs/enterprise_memory"


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        (kept(DATABASE), ("present", "the role itself", "met")),
        (kept(DATABASE.upper() + "/"), ("present", "the role itself", "met")),
        (kept("/dbs/enterprise_memory"), ("present", "the role itself", "met")),
        (kept(COSMOS), ("present", "a wider scope", "exceeded")),
        (kept(None), ("present", "a wider scope", "exceeded")),
        (kept("/"), ("present", "a wider scope", "exceeded")),
        (kept(DATABASE, role="1"), ("missing", "no assignment", "not granted")),
        (kept(f"{COSMOS}/dbs/other"), ("missing", "no assignment", "not granted")),
        (kept(f"{DATABASE}/colls/threads"), ("missing", "no assignment", "not granted")),
        (kept(DATABASE, who=STRANGER), ("missing", "no assignment", "not granted")),
    ],
)
def test_a_row_about_a_role_that_the_service_keeps(assignment: Body, expected: tuple[str, ...]) -> None:
    assert row(facts([*estate_bodies(), assignment], MEMORY)) == expected


@pytest.mark.parametrize("within", ["sqlDatabases/enterprise_memory", "/dbs/enterprise_memory/"])
def test_a_part_of_an_account_may_be_named_as_arm_does_or_as_the_service_does(within: str) -> None:
    found = facts([*estate_bodies(), kept(DATABASE)], {**MEMORY, "within": within})
    assert row(found) == ("present", "the role itself", "met")


def test_a_row_may_name_its_role_system_itself() -> None:
    named = {**MEMORY, "system": SQL}
    assert row(facts([*estate_bodies(), kept(DATABASE)], named, roles=[])) == ("present", "the role itself", "met")


@pytest.mark.parametrize(
    ("rows", "roles", "message"),
    [
        ([{**MEMORY, "system": "Contoso.Test/things"}], [], "no built-in role"),
        ([MEMORY], [{**ROLES[0], "guid": BLOB_OWNER}], "no built-in role"),
        ([{**MEMORY, "system": SQL, "role": "Reader"}], [], "no built-in role `Reader`"),
    ],
)
def test_a_role_that_no_such_service_has_is_an_error(rows: list[Body], roles: list[Body], message: str) -> None:
    with pytest.raises(ContentError, match=message):
        facts(estate_bodies(), *rows, roles=roles)


def test_azure_s_own_roles_do_not_open_the_data_of_an_account() -> None:
    owner = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
    assert row(facts([*estate_bodies(), assigned(owner, COSMOS)], MEMORY))[0] == "missing"


def test_roles_that_were_not_read_leave_a_row_open() -> None:
    gap = Gap(COSMOS, SQL, "denied")
    assert row(facts(estate_bodies(), MEMORY, gaps=(gap,))) == ("unknown",)
    assert row(facts([*estate_bodies(), kept(DATABASE)], MEMORY, gaps=(Gap(ACCOUNT, SQL, "denied"),)))[0] == "present"


def test_the_table_sanctions_what_it_asks_for_and_nobody_else() -> None:
    bodies = [*estate_bodies(), kept(DATABASE), kept(DATABASE, who=STRANGER, name="s"), kept(COSMOS, name="w")]
    assert sanctioned(facts(bodies, MEMORY)) == {"a": True, "s": False, "w": False}


def of_person(name: str) -> Body:
    """Return an assignment of Azure by which it is known that the stranger is a person."""
    body = assigned(BLOB_OWNER, STORAGE, name=name)
    return {**body, "properties": {**body["properties"], "principalId": STRANGER, "principalType": "User"}}


def test_a_missing_role_is_assigned_and_a_stranger_s_removed_by_the_service_s_own_commands() -> None:
    found = facts([*estate_bodies(), kept(COSMOS, who=STRANGER, name="s"), of_person("p")], MEMORY)
    [wanted] = of_kind(found, "access.row")
    assert wanted.remedy == (
        "az cosmosdb sql role assignment create -a cdb -g rg --role-definition-id "
        f"00000000-0000-0000-0000-000000000002 --principal-id {WHO} --scope /dbs/enterprise_memory"
    )
    [stranger] = [each for each in of_kind(found, "access.assignment") if "sqlRoleAssignments" in each.subject]
    assert stranger.remedy == "az cosmosdb sql role assignment delete -a cdb -g rg --role-assignment-id s"


def test_of_a_stranger_of_unknown_kind_it_is_asked_who_that_is_before_anything_is_removed() -> None:
    found = facts([*estate_bodies(), kept(COSMOS, who=STRANGER, name="s")], MEMORY)
    [stranger] = of_kind(found, "access.assignment")
    assert stranger.remedy is None
    assert stranger.summary.startswith(f"Principal {STRANGER} (ask who that is: not even its kind was read) → ")


def test_what_the_table_needs_is_never_removed() -> None:
    wider = [assigned(BLOB_OWNER, STORAGE, "(@Request[a/b] StringEquals 'x')", name="r"), kept(COSMOS, name="w")]
    found = facts(
        [*estate_bodies(), kept(DATABASE), *wider, assigned(BLOB_OWNER, SUBSCRIPTION, name="g")], MEMORY, FILES
    )
    remedies = {each.subject.rpartition("/")[2]: each.remedy for each in of_kind(found, "access.assignment")}
    assert remedies["a"] is None  # the table sanctions it
    assert remedies["g"] is None  # wider than the table, and all that a row works by


OTHER_WORDS = (
    f"({NAME.lower()} stringStartsWithIgnoreCase '{PROJECT_GUID.upper()}')  ||"
    f" not (ActionMatches{{'{BLOBS.lower()}/tags/write'}} or ActionMatches{{'{BLOBS}/tags/read'}})"
)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (FILLED_IN, ("present", "the role itself", "met")),
        (OTHER_WORDS, ("present", "the role itself", "met")),
        (None, ("present", "the role without the condition that has to limit it", "exceeded")),
        (
            FILLED_IN.replace(f" AND !(ActionMatches{{'{BLOBS}/tags/write'}})", ""),
            ("present", "the role under a condition that limits it less than it has to", "exceeded"),
        ),
        (
            FILLED_IN.replace(PROJECT_GUID, STRANGER),
            ("missing", "the role is held under another condition than the one that has to limit it", "not granted"),
        ),
        (
            f"{NAME} StringStartsWithIgnoreCase '{PROJECT_GUID}'",
            ("missing", "the role is held under another condition than the one that has to limit it", "not granted"),
        ),
        (FILLED_IN.replace("StringStartsWithIgnoreCase", "StringLikeIgnoreCase"), ("unknown",)),
        ("((", ("unknown",)),
    ],
)
def test_a_row_that_demands_a_condition(condition: str | None, expected: tuple[str, ...]) -> None:
    found = facts([*estate_bodies(), assigned(BLOB_OWNER, STORAGE, condition)], FILES)
    assert row(found) == expected
    is_held = {"met": True, "exceeded": False, "not granted": None}.get(expected[-1], "unknown")
    if is_held is not None:
        assert sanctioned(found)["r"] == is_held


def test_of_two_assignments_the_one_under_the_condition_satisfies_the_row_and_the_other_is_not_sanctioned() -> None:
    bodies = [*estate_bodies(), assigned(BLOB_OWNER, STORAGE, FILLED_IN), assigned(BLOB_OWNER, GROUP, None, "g")]
    found = facts(bodies, FILES)
    assert row(found) == ("present", "the role itself", "met")
    assert sanctioned(found) == {"r": True, "g": False}


def test_a_condition_that_names_what_the_resource_does_not_say_is_not_known_to_be_met() -> None:
    bodies = [*estate_bodies(internalId=None), assigned(BLOB_OWNER, STORAGE, FILLED_IN)]
    assert row(facts(bodies, FILES)) == ("unknown",)


def test_a_condition_is_part_of_the_command_that_assigns_the_role() -> None:
    [fact] = of_kind(facts(estate_bodies(), FILES), "access.row")
    assert fact.remedy is not None
    assert PROJECT_GUID in fact.remedy
    assert fact.remedy.endswith("--condition-version 2.0")


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (PROJECT, ("present", "the role itself", "met")),
        (ACCOUNT, ("present", "a wider scope", "exceeded")),
        (COSMOS, ("missing", "no assignment", "not granted")),
    ],
)
def test_a_scope_that_is_preferred_is_enough_and_the_wider_one_is_told(scope: str, expected: tuple[str, ...]) -> None:
    found = facts([*estate_bodies(), assigned(USER, scope)], CALLER)
    assert row(found) == expected
    assert sanctioned(found)["r"] is (scope != COSMOS)


def test_without_a_project_the_account_is_the_scope() -> None:
    holder = {**CALLER, "principal": "store"}
    identity = {"userAssignedIdentities": {IDENTITY: {"principalId": WHO}}}
    bodies = [resource(ACCOUNT, NAMED), resource(STORAGE, identity=identity), resource(IDENTITY, {"principalId": WHO})]
    assert row(facts([*bodies, assigned(USER, ACCOUNT)], holder)) == ("present", "the role itself", "met")


SAFES = "Contoso.Vault/safes"
SYSTEM = f"""\
type: {SAFES}/grants
list: {{}}
role_system:
  name: Contoso Safes
  definitions: {SAFES}/roles
  principal: properties.who
  role: properties.role
  scope: properties.place
  segments: {{d: drawers}}
  built_in:
    reader: {{name: Safe Reader, data: [{SAFES}/drawers/read]}}
  create: safes grant {{principal}} {{role}} on {{account}} at {{scope}}
  delete: safes revoke {{assignment}} on {{account}}
"""


def catalogue_with(folder: Path, text: str = SYSTEM) -> Catalogue:
    file = folder / f"{SAFES}/grants.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return shipped().with_folders([folder])


def test_one_more_role_system_is_one_more_file(tmp_path: Path) -> None:
    catalogue = catalogue_with(tmp_path)
    safe = f"{PROVIDERS}/{SAFES}/s"
    grant = resource(f"{safe}/grants/g", {"who": WHO, "role": "READER", "place": "/d/top"})
    stranger = resource(f"{safe}/grants/h", {"who": STRANGER, "role": "reader", "place": "/d/top"})
    wanted = {"control": "X", "principal": "project", "scope": "memory", "within": "d/top", "role": "Safe Reader"}

    def known(*bodies: Body) -> Estate:
        resources = estate_of([*estate_bodies(), resource(safe), *bodies]).resources
        return Estate(Snapshot(resources, (), Metadata(complete=True), ""), catalogue=catalogue)

    def told(*bodies: Body) -> list[Derived]:
        estate = known(*bodies)
        places = {"account": ACCOUNT, "project": PROJECT, "memory": safe}
        bindings = {name: (Binding(name, one, "structure"),) for name, at in places.items() if (one := estate.get(at))}
        workloads = Workloads([Workload("w", bindings["account"][0].resource, bindings)], (), {})
        tables = {"roles": {"rows": [wanted | {"system": f"{SAFES}/grants"}]}}
        return derive(ANALYSIS, Context(estate, workloads, {}, tables, datetime(2026, 7, 16, tzinfo=UTC)))

    assert row(told(grant)) == ("present", "the role itself", "met")
    found = told(stranger)
    assert row(found)[0] == "missing"
    [missing], [held] = of_kind(found, "access.row"), of_kind(found, "access.assignment")
    assert missing.remedy == f"safes grant {WHO} reader on s at /d/top"
    assert (held.fields["door"], held.fields["sanctioned"]) == ("role of the service itself", False)
    assert service_roles.delete_command(stranger["id"], catalogue) == "safes revoke h on s"
    answer = who_can(read_access_graph(known(grant)), f"{SAFES}/drawers/read", f"{safe}/drawers/top", Plane.DATA)
    assert [one.principal for one in answer.actors] == [WHO]


@pytest.mark.parametrize(
    ("line", "becomes", "message"),
    [
        ("  name: Contoso Safes\n", "", "needs 'name'"),
        (f"  definitions: {SAFES}/roles\n", "", "needs 'definitions'"),
        ("  principal: properties.who\n", "  principal: properties..who\n", "principal"),
        ("  segments:", "  door: window\n  segments:", "no value of 'door'"),
        ("name: Safe Reader, ", "", "needs 'name' and 'data'"),
        (f"[{SAFES}/drawers/read]", "[read]", "is no operation"),
    ],
)
def test_a_mistake_in_a_role_system_is_an_error(tmp_path: Path, line: str, becomes: str, message: str) -> None:
    assert line in SYSTEM
    with pytest.raises(ContentError, match=message):
        catalogue_with(tmp_path, SYSTEM.replace(line, becomes, 1))


ATOMS = ["ActionMatches{'a/x'}", "ActionMatches{'a/*'}", f"{NAME} StringEquals 'v'", "@Request[t:n] NumericEquals '1'"]


@st.composite
def conditions(draw: st.DrawFn, depth: int = 3) -> str:
    """Return a condition with all its parts in parentheses."""
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from(ATOMS))
    word = draw(st.sampled_from(["AND", "OR", "!"]))
    inner = draw(conditions(depth=depth - 1))
    return f"!({inner})" if word == "!" else f"({inner} {word} {draw(conditions(depth=depth - 1))})"


def _value(text: str, operation: str, equal: tuple[bool, bool]) -> bool:
    """Return what a condition says of an operation: an oracle that lets Python read the text."""
    words = {
        ATOMS[0]: str(operation == "a/x"),
        ATOMS[1]: str(operation.startswith("a/")),
        ATOMS[2]: str(equal[0]),
        ATOMS[3]: str(equal[1]),
    }
    for atom, value in words.items():
        text = text.replace(atom, value)
    return bool(eval(text.replace("AND", "and").replace("OR", "or").replace("!", " not ")))  # noqa: S307 - own text


@given(conditions(), conditions())
def test_how_two_conditions_compare_is_what_they_let_through(actual: str, wanted: str) -> None:
    cases = [(op, (a, b)) for op in ("a/x", "a/y", "b") for a in (False, True) for b in (False, True)]
    more = any(_value(actual, *case) and not _value(wanted, *case) for case in cases)
    less = any(_value(wanted, *case) and not _value(actual, *case) for case in cases)
    expected = {
        (False, False): Likeness.SAME,
        (True, False): Likeness.WIDER,
        (False, True): Likeness.STRICTER,
        (True, True): Likeness.OTHER,
    }[more, less]

    assert likeness(actual, wanted, EVERYTHING) is expected
