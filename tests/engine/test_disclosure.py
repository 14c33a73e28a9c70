"""What findings quote is shown as it stands, unless it is a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from auditor.engine.findings import disclosure
from auditor.engine.findings.disclosure import evidence_without_secrets, without_secrets
from auditor.engine.findings.shared_evidence import SharedEvidence, SharedLeaf, SharedLeaves, ValueOrigin
from auditor.model import Evidence, Finding, Gap, ItemSet, MendingChange, Severity, Status
from tests.audit.judging import judged
from tests.estates.chat import chat_document
from tests.redaction.brute_force import PlainRedactor
from tests.redaction.planted import secrets
from tests.redaction.test_laws import TEXTS

_RANDOM = "xK9" + "vQ2mLr7TzB4nWc8YpD3sHf"  # in two parts, so that no scanner of repositories takes it for a real one
_FINDING = Finding("a-rule", Severity.LOW, Status.FAIL, None, None, "It fails.")


def _shown(path: str, value: str) -> object:
    leaf = Evidence(path, "equals", None, value)
    return without_secrets([replace(_FINDING, evidence=[leaf])])[0].evidence[0].actual


@pytest.mark.parametrize("path", ["policyName", "endpoints[0].name", "properties.sslPolicy.policyName"])
def test_what_names_something_is_shown(path: str) -> None:
    assert _shown(path, "AppGwSslPolicy20220101S") == "AppGwSslPolicy20220101S"


@pytest.mark.parametrize("path", ["properties.settings.apiKey", "properties.comment", "found"])
def test_what_looks_like_a_key_is_not(path: str) -> None:
    assert _shown(path, _RANDOM) != _RANDOM


def test_nothing_is_hidden_of_an_estate_without_secrets() -> None:
    findings = judged(chat_document()).findings
    hidden = [(each.rule_id, leaf.path) for each in findings for leaf in each.evidence if leaf.actual == "redacted"]
    assert hidden == []


def test_a_member_of_a_list_that_goes_by_all_that_it_says_says_nothing_secret() -> None:
    password = "Correct-Horse-7-Battery"  # noqa: S105 - what must not be shown
    leaf = Evidence(
        "properties.users[*].active", "equals", expected=False, actual=True, name=f'{{"password": "{password}"}}'
    )
    cleaned = evidence_without_secrets(leaf)
    assert cleaned.name == '{"password": "redacted"}'
    assert evidence_without_secrets(replace(leaf, name="admin")).name == "admin"


def test_an_item_of_a_set_that_says_several_things_says_nothing_secret() -> None:
    items = ('{"id": "/x", "password": "hunter2"}', '{"id": "/y", "password": null}', "password=hunter2")
    cleaned = without_secrets([replace(_FINDING, rests_on=ItemSet("name", items))])[0].rests_on
    shown = ('{"id": "/x", "password": "redacted"}', '{"id": "/y", "password": null}', "password=redacted")
    assert cleaned == ItemSet("name", tuple(sorted(shown)))


_SECRETS = st.sampled_from([secret.text for secret in secrets(7)])
_HALVES = st.sampled_from(
    ["password=", "Tr0ub4dor&3", "AccountKey=", "k9Xq27LmZp04kw", "://a:", "hunter2@host", "sig="]
)
_QUOTED = st.lists(_HALVES | TEXTS | _SECRETS | st.sampled_from([" of storage ", ": "]), max_size=3).map("".join)
_VALUES = (
    _QUOTED | st.none() | st.integers() | st.lists(_QUOTED, max_size=2) | st.dictionaries(_QUOTED, _QUOTED, max_size=2)
)
_ITEMS = _QUOTED | st.dictionaries(st.sampled_from(["id", "password"]), _QUOTED, max_size=2).map(json.dumps)
_PATHS = st.sampled_from(
    ["properties.comment", "properties.apiKey", "properties.etag", "tags.owner", "policyName", "found"]
)
_LEAVES = st.builds(
    SharedLeaf,
    st.builds(Evidence, _PATHS, st.sampled_from(["equals", "context"]), _VALUES, _VALUES, name=st.none() | _ITEMS),
    st.sampled_from([None, 0]),
    st.booleans(),
    own=st.none(),
)


@st.composite
def _findings(draw: st.DrawFn) -> list[Finding]:
    """Draw findings that share leaves, and show values of their own beside them."""
    shared = []
    for leaves in draw(st.lists(st.lists(_LEAVES, max_size=3), min_size=1, max_size=3)):
        own = [each._replace(leaf=replace(each.leaf, actual=None), owner=0, own=0) for each in leaves[1:2]]
        shared += [SharedLeaves(tuple(leaves)), SharedLeaves((*leaves, *own), is_kept=False)]
    return [replace(_FINDING, **draw(_own(shared))) for _ in range(draw(st.integers(1, 5)))]


def _own(shared: list[SharedLeaves]) -> st.SearchStrategy[dict[str, Any]]:
    evidence = st.builds(
        lambda leaves, value: SharedEvidence(leaves, (ValueOrigin("/x", "here"),), (), (value,)),
        st.sampled_from(shared),
        _VALUES,
    )
    return st.fixed_dictionaries(
        {"message": _QUOTED, "evidence": evidence, "status": st.sampled_from([Status.FAIL, Status.UNKNOWN])},
        optional={
            "sub_object": _QUOTED,
            "remediation_cli": _QUOTED,
            "unknown_reason": _QUOTED,
            "witness": st.dictionaries(st.sampled_from(["path", "password"]), _VALUES, max_size=2),
            "gaps": st.lists(st.builds(Gap, st.just("/x"), st.just("properties.a"), _QUOTED), max_size=2),
            "rests_on": st.builds(ItemSet, st.just("name"), st.lists(_ITEMS, max_size=2).map(tuple)),
            "mended_by": st.builds(MendingChange, _QUOTED, st.just("/x")),
        },
    )


@settings(max_examples=120)
@given(_findings(), st.sampled_from([1, 100]))
def test_what_many_findings_share_is_cleaned_as_each_by_itself(findings: list[Finding], remembered: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disclosure, "_REMEMBERED", remembered)
        expected = [without_secrets([replace(one, evidence=list(one.evidence))])[0] for one in findings]

        cleaned = without_secrets([*findings, *findings])

    assert list(map(repr, cleaned)) == list(map(repr, [*expected, *expected]))
    by_brute_force = PlainRedactor(None, people=False).text
    assert [one.message for one in cleaned if by_brute_force(one.message) != one.message] == []
    for given_one, clean in zip(findings, cleaned, strict=False):
        assert (clean is given_one) is (repr(clean) == repr(given_one))


def test_a_leaf_whose_name_was_met_before_as_another_text_is_the_same_object() -> None:
    def leaf() -> Evidence:
        return Evidence("properties.a", "equals", "x", "x", name=b"{}".decode())

    evidence_without_secrets(leaf())
    again = leaf()

    assert evidence_without_secrets(again) is again
