"""On the reference implementation of 2026: no failure comes or goes because less was seen."""

from __future__ import annotations

import json
import os
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit.less_seen import WholeEstate
from tests.conformance.material import SHARED

_FEW = settings(max_examples=int(os.environ.get("AUDITOR_EXAMPLES", "2")))
_ANY = st.lists(st.integers(0, 10_000), min_size=1, max_size=4, unique=True)


@cache
def _estate() -> WholeEstate:
    file = SHARED / "data" / "reference-estate" / "2026-07.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    return WholeEstate(document, ["microsoft.cognitiveservices/accounts"], "foundry-chat")


@_FEW
@given(_ANY)
def test_no_failure_comes_or_goes_with_resources(choices: list[int]) -> None:
    keys = _estate().keys
    assert not _estate().came_or_went([keys[choice % len(keys)] for choice in choices])


@_FEW
@given(_ANY, st.booleans())
def test_no_failure_comes_or_goes_with_properties(choices: list[int], complete: bool) -> None:  # noqa: FBT001 - drawn
    others = _estate().others
    bare = list(dict.fromkeys(others[choice % len(others)] for choice in choices))
    assert not _estate().came_or_went(bare=bare, complete=complete)


@pytest.mark.parametrize(
    "bare",
    [
        pytest.param("storageAccounts/stagentchat01", id="the account that another would be taken for"),
        pytest.param(
            "sqlRoleAssignments/4486b069-f2d5-5c8a-ba16-f0f38838949c", id="an assignment that the service keeps"
        ),
        pytest.param("accounts/aifchat01/projects/projchat", id="a scope inside that would be enough"),
    ],
)
def test_a_row_that_shows_nothing_of_itself(bare: str) -> None:
    assert not _estate().came_or_went(bare=[_estate().key(bare)], complete=True)


def test_rows_of_the_table_towards_subnets_that_are_not_known_may_be_what_is_stopped() -> None:
    ends = ("sites/app-chat01", "pe-ai-agent-search", "pe-ai-agent-storage", "pe-ai-agent-threads", "pe-foundry")
    gone = [_estate().key(end) for end in (*ends, "pe-key-vault", "pe-web-app-storage")]
    assert not _estate().came_or_went(gone)


def test_a_strand_may_lead_to_what_was_not_read() -> None:
    bare = [_estate().key("pe-ai-agent-storage"), _estate().key("sites/app-chat01")]
    assert not _estate().came_or_went(bare=bare)
