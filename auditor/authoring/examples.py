"""Ask a rule about its own examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from auditor.engine.subjects import ExampleSubject
from auditor.engine.verdict import Verdict, judge
from auditor.language.environment import Environment
from auditor.language.operators import equals
from auditor.model import Evidence
from auditor.rulebook.rule import Example, Rule

EXAMPLE_NOW: Final = datetime(2024, 3, 1, tzinfo=UTC)
"""The time of judgement in examples: `utcNow()` is always this."""


class ExampleResult(Struct, frozen=True):
    """What became of one example: `problems` is empty where the rule says what the example expects."""

    example: Example
    verdict: Verdict
    problems: Sequence[str]


def ask(rule: Rule, example: Example) -> Verdict:
    """Return the rule's verdict on an example, with the rule's own defaults for parameters the example does not set."""
    subject = ExampleSubject.of(example)
    parameters = {name: item.default for name, item in rule.parameters.items()} | dict(example.parameters)
    return judge(rule, Environment(subject, subject, parameters, EXAMPLE_NOW))


def run(rule: Rule) -> list[ExampleResult]:
    """Return the outcome of each example of a rule."""
    return [_outcome(rule, example) for example in rule.examples]


def _outcome(rule: Rule, example: Example) -> ExampleResult:
    verdict = ask(rule, example)
    problems = []
    if verdict.status is not example.status:
        why = "; ".join((*(gap.reason for gap in verdict.gaps), *verdict.errors))
        problems.append(f"is {verdict.status}, expected {example.status}" + (f" ({why})" if why else ""))
    for wanted in example.evidence:
        if not any(_shows(leaf, wanted) for leaf in verdict.evidence):
            shown = ", ".join(f"{leaf.path}={leaf.actual!r}" for leaf in verdict.evidence) or "none"
            problems.append(f"lacks the evidence {dict(wanted)}; it has {shown}")
    return ExampleResult(example, verdict, problems)


def _shows(leaf: Evidence, wanted: Mapping[str, object]) -> bool:
    path = str(wanted.get("path", leaf.path))
    if leaf.path.lower() != path.lower() and not leaf.path.lower().startswith((path.lower() + ".", path.lower() + "[")):
        return False
    for key in ("operator", "expected", "actual", "assumed", "name"):
        if key in wanted and not _same(getattr(leaf, key), wanted[key]):
            return False
    return True


def _same(found: object, wanted: object) -> bool:
    if isinstance(found, str) and isinstance(wanted, str) and found.startswith("count "):
        return found.replace(">=", "≥") == wanted.replace(">=", "≥")
    return equals(found, wanted)
