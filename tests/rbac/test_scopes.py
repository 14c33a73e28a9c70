"""Which scopes lie above which."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import resource_id as ids
from auditor.rbac.scopes import ROOT, Hierarchy, ScopeKind, kind_of
from auditor.truth import Truth

SUB = "/subscriptions/s1"
VAULT = f"{SUB}/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v"
MG = "/providers/microsoft.management/managementgroups/"


def test_a_secret_lies_below_vault_group_subscription_management_groups_and_root() -> None:
    hierarchy = Hierarchy({SUB: f"{MG}inner", f"{MG}inner": f"{MG}tenant", f"{MG}tenant": ROOT})
    assert hierarchy.above(f"{VAULT}/secrets/x/") == [
        f"{VAULT}/secrets/x".lower(),
        VAULT.lower(),
        f"{SUB}/resourcegroups/g",
        SUB,
        f"{MG}inner",
        f"{MG}tenant",
        ROOT,
    ]


def test_an_extension_lies_below_the_resource_it_extends() -> None:
    above = Hierarchy().above(f"{VAULT}/providers/Microsoft.Insights/diagnosticSettings/d")
    assert VAULT.lower() in above
    assert f"{SUB}/resourcegroups/g" in above


@pytest.mark.parametrize(
    ("scope", "kind"),
    [
        ("/", ScopeKind.ROOT),
        ("", ScopeKind.ROOT),
        (MG.upper() + "x", ScopeKind.MANAGEMENT_GROUP),
        (SUB, ScopeKind.SUBSCRIPTION),
        (f"{SUB}/resourceGroups/g", ScopeKind.RESOURCE_GROUP),
        (VAULT, ScopeKind.RESOURCE),
        (f"{VAULT}/secrets/x", ScopeKind.CHILD),
        (f"{SUB}/providers/Microsoft.Authorization/policyAssignments/p", ScopeKind.RESOURCE),
        ("/providers/Microsoft.Billing/accounts/a", ScopeKind.OTHER),
        ("nonsense", ScopeKind.OTHER),
    ],
)
def test_scopes_are_told_apart_by_their_segments(scope: str, kind: ScopeKind) -> None:
    assert kind_of(scope) is kind


def test_a_cycle_of_management_groups_ends() -> None:
    loop = Hierarchy({SUB: f"{MG}a", f"{MG}a": f"{MG}b", f"{MG}b": f"{MG}a"})
    assert loop.above(SUB) == [SUB, f"{MG}a", f"{MG}b", ROOT]


def test_an_unplaced_management_group_is_above_the_only_subscription_that_was_read() -> None:
    assert Hierarchy().covers(f"{MG}x", VAULT) is Truth.UNKNOWN
    assert Hierarchy(sole_subscription=SUB).covers(f"{MG}x", VAULT) is Truth.YES
    assert Hierarchy({SUB: f"{MG}y", f"{MG}y": ROOT}, SUB).covers(f"{MG}x", VAULT) is Truth.NO
    assert Hierarchy({SUB: f"{MG}y"}).covers(f"{MG}x", VAULT) is Truth.UNKNOWN


segment = st.sampled_from(
    ["subscriptions", "s1", "resourceGroups", "g", "providers", "Microsoft.KeyVault", "vaults", "a(b)"]
)
scopes = st.lists(segment, max_size=9).map(lambda parts: "/" + "/".join(parts))


@given(scopes, st.sampled_from(["/x", "/secrets/y", "/providers/N/t/n"]))
def test_everything_covers_what_lies_below_it_and_root_covers_all(scope: str, below: str) -> None:
    hierarchy = Hierarchy()
    inner = scope.rstrip("/") + below
    assert hierarchy.covers(scope, inner) is Truth.YES
    assert hierarchy.covers("/", inner) is Truth.YES
    assert hierarchy.covers(inner, scope) is not Truth.YES
    assert hierarchy.above(inner)[-1] == ROOT


_WORDS = st.sampled_from(["a", "b", "ab"])
_STEPS = st.lists(st.tuples(_WORDS, _WORDS), max_size=4)


@given(outer=_STEPS, inner=_STEPS, kinds=st.lists(st.lists(_WORDS, min_size=1, max_size=3), max_size=3))
def test_what_a_scope_lies_in_is_found_by_type_at_any_depth(
    outer: list[tuple[str, str]], inner: list[tuple[str, str]], kinds: list[list[str]]
) -> None:
    scope = f"{SUB.lower()}/resourcegroups/g"
    enclosing: dict[str, str] = {}
    for namespace, steps in (("x.y", outer), ("z.w", inner)):
        path, kind = f"{scope}/providers/{namespace}", namespace
        for word, name in steps:
            path, kind = f"{path}/{word}/{name}", f"{kind}/{word}"
            enclosing.setdefault(kind, path)
            scope = path
    asked = [f"x.y/{'/'.join(words)}" for words in kinds]
    assert ids.enclosing(scope, asked) == next((enclosing[kind] for kind in asked if kind in enclosing), None)
