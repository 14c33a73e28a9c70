"""Ask one rule about one subject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from auditor.language.environment import Environment
from auditor.language.evaluate import evaluate
from auditor.language.explain import Explanation, all_that_decided, because, observe
from auditor.model import Evidence, Gap, Status
from auditor.rulebook.rule import Applies, OnFact, Rule
from auditor.truth import Truth, all_of


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of one subject, before it is filed under a resource.

    `failed` are all leaves of a failure, named after the members of lists that they are about; of these `evidence` shows
    as many as a person looks at.
    """

    status: Status
    evidence: Sequence[Evidence] = ()
    gaps: Sequence[Gap] = ()
    errors: Sequence[str] = ()
    failed: Sequence[Evidence] = ()


_PASSED: Final = Verdict(Status.PASS)
_OUT_OF_SCOPE: Final = Verdict(Status.NOT_APPLICABLE)


def judge(rule: Rule, environment: Environment, *, explain_passes: bool = True, about: Truth | None = None) -> Verdict:
    """Ask a rule about one subject; `about` is the truth of its `where`, where that was asked before.

    `when` false is not applicable; `when` unknown passes only where the requirement holds anyway.
    """
    when = _when(rule.applies, environment, about)
    if when is Truth.NO:
        condition = rule.applies.when if explain_passes else None
        shown = () if condition is None else because(condition, environment, when).evidence
        return Verdict(Status.NOT_APPLICABLE, shown) if shown else _OUT_OF_SCOPE
    truth = evaluate(rule.require, environment)
    if truth is Truth.YES and not explain_passes:
        return _PASSED
    explanation = because(rule.require, environment, truth)
    if truth is Truth.YES:
        return Verdict(Status.PASS, _evidence(rule, environment, explanation))
    if truth is Truth.NO and when is Truth.YES:
        failed = all_that_decided(rule.require, environment, truth)
        return Verdict(Status.FAIL, _evidence(rule, environment, explanation), failed=failed)
    if when is Truth.UNKNOWN and (condition := rule.applies.when) is not None:
        doubt = because(condition, environment, when)
        return Verdict(
            Status.UNKNOWN, (*doubt.evidence, *explanation.evidence), doubt.gaps or explanation.gaps, doubt.errors
        )
    return Verdict(Status.UNKNOWN, _evidence(rule, environment, explanation), explanation.gaps, explanation.errors)


def _when(applies: Applies, environment: Environment, about: Truth | None) -> Truth:
    if about is None or not isinstance(applies, OnFact):
        return Truth.YES if applies.when is None else evaluate(applies.when, environment)
    rest = applies.besides
    return about if rest is None or about is Truth.NO else all_of((about, evaluate(rest, environment)))


def _evidence(rule: Rule, environment: Environment, explanation: Explanation) -> list[Evidence]:
    seen = {leaf.path for leaf in explanation.evidence}
    extra = [leaf for path in rule.evidence for leaf in observe(path, environment) if leaf.path not in seen]
    return [*explanation.evidence, *extra]
