"""What is known covers what is within it, and nothing else, however it was written down, updated and pruned."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.engine.accepted import known_files
from auditor.engine.accepted.finding_sets import grown
from auditor.engine.accepted.known import JudgedFailures, KnownFailure, KnownFailures, compared, ratcheted
from auditor.errors import AuditorError
from auditor.model import AgainstKnown, Finding, FindingSet, Severity, Status
from tests.engine.test_finding_sets import every_set, packets
from tests.engine.test_value_sets import ladders

RULES = ["rule-a", "rule-b"]
any_set = st.one_of(st.none(), every_set, ladders)


def _failures(sets: st.SearchStrategy[FindingSet | None]) -> st.SearchStrategy[list[KnownFailure]]:
    failure = st.builds(
        KnownFailure,
        fingerprint=st.sampled_from(["f1", "f2", "f3"]),
        rule_id=st.sampled_from(RULES),
        resource_id=st.sampled_from([None, "/subscriptions/s/x"]),
        sub_object=st.sampled_from(["", "part"]),
        rests_on=sets,
    )
    return st.lists(failure, max_size=3, unique_by=lambda each: each.fingerprint)


def _findings(failures: Sequence[KnownFailure]) -> list[Finding]:
    return [
        Finding(
            each.rule_id, Severity.HIGH, Status.FAIL, each.resource_id, None, "It is open.",
            fingerprint=each.fingerprint, rests_on=each.rests_on,
        )
        for each in failures
    ]  # fmt: skip


def _reported(failures: Sequence[KnownFailure], known: KnownFailures) -> set[str]:
    return {
        each.fingerprint
        for each in compared(_findings(failures), known)
        if each.against_known is not AgainstKnown.KNOWN
    }


def _judged(failures: Sequence[KnownFailure], settled: frozenset[str] = frozenset()) -> JudgedFailures:
    return JudgedFailures(failures, settled, frozenset(RULES), is_closed=True)


@given(_failures(any_set))
def test_against_itself_nothing_is_new(failures: list[KnownFailure]) -> None:
    assert _reported(failures, KnownFailures.of(failures)) == set()


@settings(max_examples=150)
@given(_failures(any_set), _failures(any_set))
def test_whatever_is_not_within_what_is_known_is_reported(new: list[KnownFailure], old: list[KnownFailure]) -> None:
    before = {each.fingerprint: each.rests_on for each in old}
    beyond = set()
    for each in new:
        if each.fingerprint not in before:
            beyond.add(each.fingerprint)
        elif each.rests_on is not None:
            known = before[each.fingerprint]
            nothing = known is None and grown(each.rests_on, each.rests_on) is None
            rest = grown(each.rests_on, known) if known is not None else each.rests_on
            if rest is not None and not (nothing and _is_empty(each.rests_on)):
                beyond.add(each.fingerprint)
    assert _reported(new, KnownFailures.of(old)) == beyond


def _is_empty(of: FindingSet) -> bool:
    return not any(getattr(of, name, ()) for name in ("boxes", "permitted", "passing", "items", "values"))


@settings(max_examples=100)
@given(_failures(packets), _failures(packets))
def test_known_twice_is_known_together(one: list[KnownFailure], other: list[KnownFailure]) -> None:
    both = KnownFailures.of([*one, *other])
    assert _reported(one, both) == _reported(other, both) == set()


@settings(max_examples=100)
@given(_failures(packets), _failures(packets), _failures(packets))
def test_pruning_hides_nothing_and_only_shrinks(
    now: list[KnownFailure], before: list[KnownFailure], later: list[KnownFailure]
) -> None:
    known = KnownFailures.of(before)
    pruned = ratcheted(known, _judged(now), allow_growth=False).known
    assert len(pruned.listed) <= len(known.listed)
    assert _reported(pruned.listed, known) == set()  # nothing is known that was not
    assert _reported(later, pruned) >= _reported(later, known)
    assert _reported(now, pruned) == _reported(now, known)  # and what is known now stays so


@settings(max_examples=60)
@given(_failures(packets), _failures(packets))
def test_growth_is_written_down_only_where_it_is_allowed(now: list[KnownFailure], before: list[KnownFailure]) -> None:
    known = KnownFailures.of(before)
    more = {each.fingerprint for each in ratcheted(known, _judged(now), allow_growth=False).more}
    assert more == _reported(now, known)
    allowed = ratcheted(known, _judged(now), allow_growth=True).known
    assert _reported(now, allowed) == set()


def test_what_was_not_seen_stays_known() -> None:
    known = KnownFailures.of([KnownFailure("f1", "rule-a", None, ""), KnownFailure("f2", "rule-b", None, "")])

    def left(outcome: JudgedFailures) -> list[str]:
        return [each.fingerprint for each in ratcheted(known, outcome, allow_growth=False).known.listed]

    assert left(JudgedFailures([], frozenset(), frozenset(RULES), is_closed=True)) == []
    assert left(JudgedFailures([], frozenset(), frozenset({"rule-a"}), is_closed=True)) == ["f2"]
    assert left(JudgedFailures([], frozenset(), frozenset(RULES), is_closed=False)) == ["f1", "f2"]
    assert left(JudgedFailures([], frozenset({"f1"}), frozenset(), is_closed=False)) == ["f2"]


@settings(max_examples=60)
@given(_failures(any_set))
def test_a_file_of_known_failures_is_read_back_and_always_the_same(failures: list[KnownFailure]) -> None:
    known = KnownFailures.of(failures)
    text = known_files.text_of(known)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "known.json")
        path.write_text(text, encoding="utf-8")
        again = known_files.read(path)
    assert again.listed == known.listed
    assert known_files.text_of(KnownFailures.of(reversed(failures))) == text == known_files.text_of(again)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "is not valid JSON"),
        ("[]", "is neither a JSON report nor a file of known failures"),
        ('{"schema_version": 3, "findings": []}', "is neither a JSON report"),
        ('{"schema_version": 2, "findings": [1]}', "findings.0 is no object"),
        ('{"schema_version": 2, "findings": [{}]}', "findings.0.fingerprint is no text"),
        ('{"ratchet_version": 2, "count": 0, "failures": []}', "ratchet_version: Input should be 1"),
        ('{"ratchet_version": 1, "count": 0, "failures": [{}]}', "failures.0.rule_id: Field required"),
        (
            (
                '{"ratchet_version": 1, "count": 1, "failures": [{"rule_id": "r", "resource_id": null, "sub_object": "",'
                ' "fingerprint": "f", "rests_on": {"kind": "packets", "boxes": [{"sources": ["all"], "destinations": [],'
                ' "protocols": [], "ports": [], "source_ports": []}]}}]}'
            ),
            "failures.0.rests_on: all is not an address range",
        ),
    ],
)
def test_what_cannot_be_read_is_an_error_and_covers_nothing(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "known.json"
    path.write_text(text)
    with pytest.raises(AuditorError, match=message.replace(".", r"\.")):
        known_files.read(path)
