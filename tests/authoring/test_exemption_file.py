"""A file of exemptions is changed as a person would: what else stands in it stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.authoring.exemption_file import added, pruned, renewed
from auditor.engine.accepted.exemptions import parse
from auditor.errors import AuditorError

PATH = Path("exemptions.yaml")
FILE = """\
# Owned by the platform team.
exemptions:
  # asked for by the mail room
  - id: EX-7
    rule: storage-minimum-tls   # until autumn
    scope: /subscriptions/s1/resourceGroups/g
    reason: >-
      The scanner
      is old.
    approved_by: J. Doe
    ticket: OPS-1
    expires_on: 2024-10-31  # a Thursday

  # the vendor's access
  - id: EX-8
    fingerprint: abc
    reason: r
    approved_by: J. Doe
    ticket: OPS-2
    expires_on: "2024-06-30"
# the end
"""
ENTRY = {
    "fingerprint": "f1",
    "rule": "a-b",
    "scope": "/subscriptions/s1",
    "reason": "It # is: 'so'",
    "approved_by": "J. Doe",
    "ticket": "OPS-3",
    "expires_on": "2024-12-31",
    "accepts": {"kind": "levels", "passing": {"hate (Prompt)": ["low"]}},
}


def test_an_exemption_is_added_behind_all_that_stands_there() -> None:
    text = added(FILE, [ENTRY], PATH)

    assert text.startswith(FILE)
    assert text.removeprefix(FILE).splitlines()[:2] == ["  - fingerprint: f1", "    rule: a-b"]
    assert parse(text, "e")[-1].reason == "It # is: 'so'"


@pytest.mark.parametrize("empty", ["", "\n", "exemptions: []\n", "# ours\nexemptions: [ ] # none yet\n"])
def test_the_first_exemption_makes_the_list(empty: str) -> None:
    text = added(empty, [ENTRY], PATH)

    assert [each.ticket for each in parse(text, "e")] == ["OPS-3"]
    assert all(remark in text for remark in ("# ours", "# none yet") if remark in empty)


def test_renewing_changes_the_day_and_nothing_else() -> None:
    text = renewed(FILE, ["EX-7", "EX-8"], "2025-01-31", PATH)

    expected = FILE.replace("2024-10-31  # a", "2025-01-31  # a").replace('"2024-06-30"', '"2025-01-31"')
    assert text == expected


def test_pruning_takes_the_remark_above_along_and_leaves_the_others() -> None:
    text = pruned(FILE, ["EX-8"], PATH)

    assert text == FILE[: FILE.index("\n  # the vendor's")] + "\n# the end\n"
    assert pruned(FILE, ["EX-7"], PATH).count("#") == 4
    nothing = pruned(FILE, ["EX-7", "EX-8"], PATH)
    assert "exemptions: []" in nothing
    assert parse(nothing, "e") == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: renewed(text, ["EX-9"], "2025-01-01", PATH), "holds no exemption EX-9"),
        (lambda text: pruned(text, ["EX-9"], PATH), r"it holds: EX-7, EX-8"),
        (lambda text: renewed(text, ["EX-7"], "2024-10-31", PATH), "EX-7 lasts until 2024-10-31 already"),
    ],
)
def test_what_cannot_be_done_is_said(change: object, message: str) -> None:
    assert callable(change)
    with pytest.raises(AuditorError, match=message):
        change(FILE)


def test_a_file_of_one_line_is_left_to_people() -> None:
    line = "exemptions: [{fingerprint: a, reason: r, approved_by: me, ticket: T, expires_on: 2024-01-01}]\n"
    for change in (lambda: added(line, [ENTRY], PATH), lambda: pruned(line, [parse(line, "e")[0].id], PATH)):
        with pytest.raises(AuditorError, match="write each exemption as a block"):
            change()


entries = st.lists(
    st.fixed_dictionaries(
        {
            "fingerprint": st.text("0123456789abcdef", min_size=1, max_size=6),
            "reason": st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1).filter(str.strip),
            "approved_by": st.sampled_from(["J. Doe", "- x", "# y", "a: b"]),
            "ticket": st.sampled_from(["OPS-1", "4711", "x: y"]),
            "expires_on": st.dates().map(str),
        }
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda each: (each["fingerprint"], each["ticket"]),
)


@settings(max_examples=60)
@given(entries)
def test_what_is_added_can_be_read_and_taken_out_again(given_entries: list[dict[str, str]]) -> None:
    text = added(FILE, given_entries, PATH)
    read = parse(text, "e")[2:]
    assert [(each.fingerprint, each.reason, each.ticket, each.expires_on) for each in read] == [
        (each["fingerprint"], each["reason"], each["ticket"], each["expires_on"]) for each in given_entries
    ]
    left = pruned(text, [each.id for each in read], PATH)
    assert parse(left, "e") == parse(FILE, "e")
