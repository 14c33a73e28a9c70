"""What a condition surely lets through and what it may."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.rbac.conditions import restriction
from auditor.rbac.operation_sets import holds, is_within

ATTRIBUTE = "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'a AND (b) OR !c'"


@pytest.mark.parametrize(
    ("text", "surely", "perhaps"),
    [
        ("ActionMatches{'A/read'}", True, True),
        ("actionmatches { 'a/READ' }", True, True),
        ("!(ActionMatches{'A/read'})", False, False),
        ("NOT ActionMatches{'A/write'}", True, True),
        ("!!ActionMatches{'A/*'}", True, True),
        (ATTRIBUTE, False, True),
        (f"ActionMatches{{'A/read'}} OR {ATTRIBUTE}", True, True),
        (f"ActionMatches{{'A/write'}} AND {ATTRIBUTE}", False, False),
        (f"(!(ActionMatches{{'A/write'}})) || ({ATTRIBUTE})", True, True),
        (f"ActionMatches{{'A/write'}} || ActionMatches{{'B/read'}} && {ATTRIBUTE}", False, False),
        (f"ActionMatches{{'A/read'}} || ActionMatches{{'B/read'}} && {ATTRIBUTE}", True, True),
        ("@Request[a:b] ForAnyOfAnyValues:GuidEquals {11-22, 33} AND ActionMatches{'A/read'}", False, True),
        ("Exists @Resource[a:b] AND ActionMatches{'A/write'}", False, False),
        ("@Environment[Microsoft.Network/privateEndpoints] StringEquals 'it''s'", False, True),
        ("(ActionMatches{'A/read'}", False, True),
        ("ActionMatches{'A/read'})", False, True),
        ("ActionMatches{'A/read'} OR", False, True),
        ("", False, True),
        ("(" * 200 + "ActionMatches{'A/read'}" + ")" * 200, False, True),
    ],
)
def test_only_what_the_structure_decides_is_decided(text: str, surely: bool, perhaps: bool) -> None:  # noqa: FBT001 - a table
    limit = restriction(text)
    assert (holds(limit.must, "A/read"), holds(limit.may, "A/read")) == (surely, perhaps)


pieces = st.sampled_from(
    [
        "ActionMatches{'A/*'}",
        "ActionMatches{'*/read'}",
        ATTRIBUTE,
        "(",
        ")",
        "!",
        "AND",
        "OR",
        "&&",
        "||",
        "'",
        "{",
        "x",
    ]
)


@given(st.lists(pieces, max_size=12).map(" ".join) | st.text(max_size=30))
def test_any_text_is_read_and_what_is_certain_is_possible(text: str) -> None:
    limit = restriction(text)
    assert is_within(limit.must, limit.may)
