"""Runs that are recorded in any order leave the same behind, and what nobody saw ends nothing: against a reckoning by hand."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.history import database, questions, recording
from auditor.model import Finding, ItemSet, Report, RuleInfo, Severity, SnapshotIdentity, Status

_SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"
_RESOURCE = f"{_SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Things/things"
_NAMES = ("a", "b")
_WHOLE = {"subscriptions": ["one"]}
_PART = {"subscriptions": ["one"], "resource_groups": ["rg"]}
_ITEMS = ("p", "q")


@dataclass(frozen=True)
class Told:
    """What a run says of a thing: how it answers, or nothing because it is absent, or because the rule was not asked."""

    how: str
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class Look:
    """A run: its day, whether it looked at a part only, and what it says of each thing."""

    day: int
    is_part: bool
    told: tuple[Told, ...]
    report: Report = field(compare=False, repr=False)


def _rule(name: str) -> RuleInfo:
    return RuleInfo(f"rule-{name}", name, Severity.HIGH, "", "", (), {}, "", 1)


def _finding(name: str, told: Told) -> Finding:
    return Finding(
        rule_id=f"rule-{name}",
        severity=Severity.HIGH,
        status=Status(told.how),
        resource_id=f"{_RESOURCE}/{name}",
        resource_type="Microsoft.Things/things",
        message="it is wrong",
        fingerprint=f"fingerprint-{name}",
        rests_on=ItemSet("items", told.items) if told.items else None,
    )


def _look(day: int, told: tuple[Told, ...], *, is_part: bool) -> Look:
    asked = {name: each for name, each in zip(_NAMES, told, strict=True) if each.how != "not asked"}
    findings = [_finding(name, each) for name, each in asked.items() if each.how != "absent"]
    findings.append(_finding("always", Told("pass")))
    report = Report(
        tool_version="1",
        baseline_name="own",
        baseline_version="1",
        snapshot=SnapshotIdentity(f"{day}", None, _PART if is_part else _WHOLE),
        as_of=_moment(day),
        as_of_source="option",
        rules={f"rule-{name}": _rule(name) for name in [*asked, "always"]},
        resources=3,
        findings=findings,
        gaps=(),
    )
    return Look(day, is_part, told, report)


def _moment(day: int) -> datetime:
    return datetime(2026, 3, 1, 6, tzinfo=UTC) + timedelta(days=day)


def _at(day: int) -> str:
    return recording.second(_moment(day))


_FAILING = st.sets(st.sampled_from(_ITEMS)).map(lambda items: Told("fail", tuple(sorted(items))))
_TOLD = st.one_of(_FAILING, _FAILING, _FAILING, st.sampled_from(["pass", "unknown", "absent", "not asked"]).map(Told))
_LOOKS = st.builds(_look, st.integers(0, 5), st.tuples(_TOLD, _TOLD), is_part=st.booleans())


def _recorded(looks: Sequence[Look]) -> list[object]:
    with tempfile.TemporaryDirectory() as folder, database.opened(str(Path(folder) / "h.db")) as history:
        for look in looks:
            recording.record(history, look.report)
        stored = questions.findings(history, questions.FindingFilter())
    return sorted(
        [
            one.fingerprint,
            one.first_seen,
            one.last_seen,
            one.status,
            [[each.opened_at, each.closed_at] for each in one.episodes],
            [each.at for each in one.widenings],
        ]
        for one in stored
    )


def _reckoned(looks: Sequence[Look]) -> list[object]:
    return sorted(found for number, name in enumerate(_NAMES) if (found := _reckoned_one(looks, number, name)))


def _reckoned_one(looks: Sequence[Look], number: int, name: str) -> list[object]:
    failed = {(look.day, look.is_part) for look in looks if look.told[number].how == "fail"}
    if not failed:
        return []

    def seen(look: Look) -> str:
        how = look.told[number].how
        if how == "absent":
            is_asked = not look.is_part or any(day < look.day and is_part for day, is_part in failed)
            return "not_applicable" if is_asked else "nothing"
        return "nothing" if how == "not asked" else how

    episodes: list[list[str | None]] = []
    widenings, status, before = [], "", None
    for day in sorted({look.day for look in looks}):
        of_day = [(seen(look), look.told[number].items) for look in looks if look.day == day]
        answers = {answer for answer, _ in of_day} - {"nothing"}
        if answers:
            status = next(each for each in ("fail", "unknown", "pass", "not_applicable") if each in answers)
        is_open = bool(episodes) and episodes[-1][1] is None
        if "fail" in answers:
            now = max((json.dumps(items) if items else "", items) for answer, items in of_day if answer == "fail")[1]
            if not is_open:
                episodes.append([_at(day), None])
            elif before and set(now) - set(before):
                widenings.append(_at(day))
            before = now
        elif answers & {"pass", "not_applicable"} and is_open:
            episodes[-1][1] = _at(day)
    days = [day for day, _ in failed]
    return [f"fingerprint-{name}", _at(min(days)), _at(max(days)), status, episodes, widenings]


@settings(max_examples=40, deadline=None)
@given(st.lists(_LOOKS, min_size=3, max_size=7), st.randoms(use_true_random=False))
def test_runs_in_any_order_leave_what_the_reckoning_says(looks: list[Look], chance: object) -> None:
    expected = _reckoned(looks)
    for _ in range(2):
        shuffled = list(looks)
        chance.shuffle(shuffled)  # type: ignore[attr-defined] # random.Random
        assert _recorded(shuffled) == expected


def test_a_failure_that_comes_late_is_not_closed_by_a_later_run_that_could_not_see() -> None:
    for blind in ("unknown", "not asked"):
        later = _look(3, (Told(blind), Told("pass")), is_part=False)
        earlier = _look(1, (Told("fail", ("p",)), Told("pass")), is_part=False)
        [[_, first, _, _, episodes, _]] = _recorded([later, earlier])  # type: ignore[misc] # as `_recorded` lists it
        assert (first, episodes) == (_at(1), [[_at(1), None]])
