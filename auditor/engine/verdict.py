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


def judge(rule: Rule, scope: Environment, *, explain_passes: bool = True) -> Verdict:
    """Ask a rule about one subject.

    `when` false is not applicable; `when` unknown passes only where the requirement holds anyway.
    """
    condition = rule.applies.when
    when = Truth.YES if condition is None else evaluate(condition, scope)
    if when is Truth.NO:
        shown = because(condition, scope, when).evidence if condition is not None and explain_passes else ()
        return Verdict(Status.NOT_APPLICABLE, shown) if shown else _OUT_OF_SCOPE
    truth = evaluate(rule.require, scope)
    if truth is Truth.YES and not explain_passes:
        return _PASSED
    explanation = because(rule.require, scope, truth)
    if truth is Truth.YES:
        return Verdict(Status.PASS, _evidence(rule, scope, explanation))
    if truth is Truth.NO and when is Truth.YES:
        return Verdict(Status.FAIL, _evidence(rule, scope, explanation))
    if when is Truth.UNKNOWN and condition is not None:
        doubt = because(condition, scope, when)
        return Verdict(
            Status.UNKNOWN, (*doubt.evidence, *explanation.evidence), doubt.gaps or explanation.gaps, doubt.errors
        )
    return Verdict(Status.UNKNOWN, _evidence(rule, scope, explanation), explanation.gaps, explanation.errors)


def _evidence(rule: Rule, scope: Environment, explanation: Explanation) -> list[Evidence]:
    seen = {leaf.path for leaf in explanation.evidence}
    extra = [leaf for place in rule.evidence for leaf in observe(place, scope) if leaf.path not in seen]
    return [*explanation.evidence, *extra]
