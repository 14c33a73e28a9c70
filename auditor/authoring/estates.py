"""Prove a baseline by the estates that it brings: what fails and what is not known in each is what it says, and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from auditor.model import Report, Status
from auditor.rulebook.baseline import ExpectedVerdicts


def prove(expected: Iterable[ExpectedVerdicts], judge: Callable[[ExpectedVerdicts], Report]) -> Sequence[str]:
    """Return what is wrong, a line each: a rule that fails, or has no answer, and should not, or the other way round."""
    return [problem for each in expected for problem in _problems(each, judge(each))]


def _problems(expected: ExpectedVerdicts, report: Report) -> list[str]:
    problems: list[str] = []
    for status, rules, words in (
        (Status.FAIL, expected.fails, "fails"),
        (Status.UNKNOWN, expected.unknown, "has no answer"),
    ):
        messages = {finding.rule_id: finding for finding in report.findings if finding.status is status}
        problems += [
            f"{expected.place}: {rule} {words} in {expected.file.name}: {finding.resource_id or '-'}: {finding.message}"
            for rule, finding in sorted(messages.items())
            if rule not in rules
        ]
        problems += [
            f"{expected.place}: it says that {rule} {words} in {expected.file.name}, and it does not"
            for rule in rules
            if rule not in messages
        ]
    return problems
