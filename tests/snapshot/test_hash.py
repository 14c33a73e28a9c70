from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from auditor.model import Gap, Resource
from auditor.snapshot.hash import assemble
from auditor.snapshot.model import Metadata
from tests.estates.accounts import account

ROW = Resource.of(account(), source="arm", api_version="2023-01-01", collected_at="2026-01-01T00:00:00Z")
GAP = Gap("/", "a/b", "forbidden")
METADATA = Metadata(complete=True)


@pytest.mark.parametrize(
    "changed",
    [
        {"resources": [Resource.of(account(x=1))]},
        {"resources": []},
        {"resources": [replace(ROW, api_version="2024-01-01")]},
        {"resources": [replace(ROW, source="arg")]},
        {"resources": [replace(ROW, collected_at=None)]},
        {"gaps": []},
        {"metadata": replace(METADATA, complete=False)},
        {"metadata": replace(METADATA, judge_at="2026-01-01T00:00:00Z")},
        {"metadata": replace(METADATA, scope={"subscriptions": ["a"]})},
    ],
)
def test_whatever_a_verdict_can_depend_on_changes_the_hash(changed: dict[str, Any]) -> None:
    same: dict[str, Any] = {"resources": [ROW], "gaps": [GAP], "metadata": METADATA}
    assert assemble(**{**same, **changed}).sha256 != assemble(**same).sha256


def test_who_wrote_it_does_not_change_the_hash() -> None:
    other = replace(METADATA, tool_version="9", origin="elsewhere")
    assert assemble([ROW], [GAP, GAP], other).sha256 == assemble([ROW], [GAP], METADATA).sha256
