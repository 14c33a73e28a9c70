"""Ask one rule about one subject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from auditor.language.environment import Environment
from auditor.language.evaluate import evaluate
from auditor.language.explain import Explanation, because, observe
from auditor.model import Evidence, Gap, Status
from auditor.rulebook.rule import Rule
from auditor.truth import Truth


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of one subject, before it is filed under a resource."""

    status: Status
    evidence: Sequence[Evidence] = ()
    gaps: Sequence[Gap] = ()
    errors: Sequence[str] = ()


_PASSED: Final = Verdict(Status.PASS)
_OUT_OF_SCOPE: Final = Verdict(Status.NOT_APPLICABLE)


def judge(rule: Rule, environment: Environment, *, explain_passes: bool = True) -> Verdict:
    """Ask a rule about one subject.

    `when` false is not applicable; `when` unknown passes only where the requirement holds anyway.
    """
    condition = rule.applies.when
    when = Truth.YES if condition is None else evaluate(condition, environment)
    if when is Truth.NO:
        shown = because(condition, environment, when).evidence if condition is not None and explain_passes else ()
        return Verdict(Status.NOT_APPLICABLE, shown) if shown else _OUT_OF_SCOPE
    truth = evaluate(rule.require, environment)
    if truth is Truth.YES and not explain_passes:
        return _PASSED
    explanation = because(rule.require, environment, truth)
    if truth is Truth.YES:
        return Verdict(Status.PASS, _evidence(rule, environment, explanation))
    if truth is Truth.NO and when is Truth.YES:
        return Verdict(Status.FAIL, _evidence(rule, environment, explanation))
    if when is Truth.UNKNOWN and condition is not None:
        doubt = because(condition, environment, when)
        return Verdict(
            Status.UNKNOWN, (*doubt.evidence, *explanation.evidence), doubt.gaps or explanation.gaps, doubt.errors
        )
    return Verdict(Status.UNKNOWN, _evidence(rule, environment, explanation), explanation.gaps, explanation.errors)


def _evidence(rule: Rule, environment: Environment, explanation: Explanation) -> list[Evidence]:
    seen = {leaf.path for leaf in explanation.evidence}
    extra = [leaf for path in rule.evidence for leaf in observe(path, environment) if leaf.path not in seen]
    return [*explanation.evidence, *extra]
