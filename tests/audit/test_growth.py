"""Nothing in judging or reporting is asked more often than an estate grows.

What is looked for anew in the whole estate for each of its parts costs nothing in a sample and everything in a tenant. It
shows in how often functions are called, which is exact where times are not: of three sizes, each as much larger than the
one before, the second step may add no more calls than the first. A call for each pair of things adds twice the square
of the step.

Not among the things that grow here are those whose pairs are the answer, as many as Azure lets there be of one place:
rules of one security group (1,000), listeners of one gateway (200), workloads whose anchors share a resource group (800),
since what leads into the group leads to each of them, policy exemptions at one scope (1,000), each of which is told beside
each failure there, and assignments to groups whose members are not known (4,000 a subscription), of which each identity
may be one.
"""

from __future__ import annotations

import cProfile
import functools
import gc
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from types import CodeType
from typing import Final

import pytest
from msgspec import Struct
from msgspec.structs import replace

from auditor import audit
from auditor.engine.accepted import exemptions
from auditor.engine.accepted.known import JudgedFailures, KnownFailures, compared
from auditor.inputs import read
from auditor.model import Exemption, Finding, Gap, Report, Status
from auditor.snapshot.model import Snapshot
from tests.audit.judging import shipped, written
from tests.estates import growing
from tests.estates.growing import Growth

_AT: Final = datetime(2024, 3, 1, tzinfo=UTC)
_FEW: Final = 30
_SHARE: Final = 0.3
"""Up to so many more calls, or to this part of those that a step adds, are no growth: lists are cut where they are long,
what is sought is found sooner or later, and answers that are remembered are not sought. What is called for each pair of
things adds two fifths and more."""
_UNEVEN: Final[Mapping[str, str]] = {
    "redaction/randomness.py": "how often it looks depends on the letters of each word",
    "re/_": "a pattern is compiled when it is first needed",
    " _Outline.": "what it shows of a list depends on how long the list is",
}
"""What is called more often or less by what the things are, and not by how many there are."""

_REMEMBERING: Final = type(functools.lru_cache(maxsize=1)(len))
Calls = Counter[str]


class Case(Struct, frozen=True):
    """Things that grow together, by what numbers, and whether the estate says that there is nothing else."""

    growths: Sequence[Growth]
    sizes: tuple[int, int, int]
    start: int
    complete: bool
    is_empty: bool = False


def _snapshot(growths: Sequence[Growth], size: int, start: int, *, is_empty: bool = False) -> Snapshot:
    """Read an estate in which each of these things is there so many times, by names that no other estate has."""
    bodies = [] if is_empty else growing.slim_sample()
    for place, grow in enumerate(growths):
        grow(bodies, range(start + place * size, start + (place + 1) * size))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "estate.json")
        path.write_text(json.dumps({"resources": bodies}), encoding="utf-8")
        return read.read(path)


def _with_gaps(snapshot: Snapshot) -> Snapshot:
    """Return an estate of which something of each store and vault was not read: a setting, and what lies in it."""
    gaps = []
    for one in snapshot.resources:
        if one.type in {"Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults"}:
            gaps += [Gap(one.id, "properties.networkAcls", "refused"), Gap(one.id, f"{one.type}/inner", "refused")]
    return replace(snapshot, gaps=tuple(sorted(gaps)))


def _judged_and_written(snapshot: Snapshot, *, complete: bool) -> Report:
    report = audit.audit(snapshot, shipped(), audit.Terms(complete=complete, as_of=_AT))
    written(report, "csv")
    written(report, "json")
    return report


def _calls(work: Callable[[], object]) -> Calls:
    """Return how often each function was called by each other one: a loop shows by what it calls."""
    profile = cProfile.Profile()
    profile.runcall(work)
    calls: Calls = Counter()
    for entry in profile.getstats():
        for called in entry.calls or ():  # several functions may have one name and line
            calls[f"{_name(entry.code)} → {_name(called.code)}"] += called.callcount
    return calls


def _name(code: CodeType | str) -> str:
    if isinstance(code, str):
        return code
    return f"{'/'.join(Path(code.co_filename).parts[-2:])}:{code.co_firstlineno} {code.co_qualname}"


def _outgrown(sizes: Sequence[Calls]) -> list[str]:
    """Return what is called more often by the second step than by the first."""
    first, second, third = sizes
    found = []
    for name, last in third.items():
        before, now = max(second[name] - first[name], 0), last - second[name]
        if now - before > max(_FEW, now * _SHARE) and not any(map(name.__contains__, _UNEVEN)):
            found.append(f"{name}: {first[name]}, {second[name]}, {last}")
    return sorted(found)


def _forget() -> None:
    """Empty what is remembered for a while: what other tests asked must not count as known here."""
    wrappers = [each for each in gc.get_objects() if isinstance(each, _REMEMBERING)]
    for each in wrappers:
        if each.__module__.startswith("auditor.") and each.cache_parameters()["maxsize"] is not None:
            each.cache_clear()


def _of_judging(case: Case) -> list[str]:
    """Return what outgrows an estate; a smaller one is judged before, so that what is kept for good is there."""
    _forget()
    start, calls = case.start, []
    for size in (1, *case.sizes):
        snapshot = _snapshot(case.growths, size, start, is_empty=case.is_empty)
        snapshot = snapshot if case.complete else _with_gaps(snapshot)
        calls.append(_calls(lambda given=snapshot: _judged_and_written(given, complete=case.complete)))
        start += size * len(case.growths)
    return _outgrown(calls[1:])


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case(growing.PARTS, (1, 5, 9), 0, complete=True), id="parts of a whole estate"),
        pytest.param(Case(growing.PARTS, (1, 5, 9), 500, complete=False), id="parts of an estate with gaps"),
        pytest.param(Case(growing.WORKLOADS, (2, 4, 6), 0, complete=False, is_empty=True), id="workloads"),
    ],
)
def test_nothing_is_asked_more_often_than_an_estate_grows(case: Case) -> None:
    assert _of_judging(case) == []


def test_exemptions_and_known_failures_are_not_compared_each_with_each() -> None:
    calls = []
    for size in (4, 8, 12):
        report = audit.audit(_snapshot([growing.stores], size, 900, is_empty=True), shipped(), audit.Terms(as_of=_AT))
        failed = [one for one in report.findings if one.status is Status.FAIL]
        accepted = [_exemption(number, one) for number, one in enumerate(failed)]
        known = KnownFailures.of(JudgedFailures.of(report).failures)

        def work() -> None:
            exemptions.match(report.findings, accepted, date(2024, 3, 1), known)  # noqa: B023 - is called at once
            compared(report.findings, known)  # noqa: B023 - is called at once

        calls.append(_calls(work))
    assert _outgrown(calls) == []


def _exemption(number: int, failure: Finding) -> Exemption:
    """Return an exemption of one failure, named as people do: by its fingerprint, its resource, or by a pattern of rules."""
    by = ({"fingerprint": failure.fingerprint}, {"scope": failure.resource_id or "/"})[number % 2]
    rule = failure.rule_id if number % 3 else f"{failure.rule_id[:-1]}?"
    own = {"id": f"ex-{number}", "reason": "r", "approved_by": "a", "ticket": "t", "expires_on": "2024-12-31"}
    return Exemption(**{"rule": rule, "scope": "/", **own, **by})


def test_what_asks_for_each_pair_is_seen() -> None:
    calls = [
        _calls(lambda given=size: [len((one, other)) for one in range(given) for other in range(given)])
        for size in (4, 8, 12)
    ]
    assert _outgrown(calls) != []
