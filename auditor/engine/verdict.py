"""Ask one rule about one subject."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.language.environment import Environment
from auditor.language.evaluate import evaluate
from auditor.language.explain import all_that_decided, because, observe
from auditor.model import Evidence, Gap, Status
from auditor.rulebook.rule import Applies, OnFact, Rule
from auditor.truth import Truth, all_of


class Verdict(Struct, frozen=True):
    """What a rule says of one subject, before it is filed under a resource.

    `failed` are all leaves of a failure, named after the members of lists that they are about; of these `evidence` shows
    as many as a person looks at. What the rule shows beside its conditions belongs to it too, but for what stands at the
    paths `told` already; None: it shows no more.
    """

    status: Status
    evidence: Sequence[Evidence] = ()
    gaps: Sequence[Gap] = ()
    errors: Sequence[str] = ()
    failed: Sequence[Evidence] = ()
    told: frozenset[str] | None = None


_PASSED: Final = Verdict(Status.PASS)
_OUT_OF_SCOPE: Final = Verdict(Status.NOT_APPLICABLE)


def judge(rule: Rule, environment: Environment, *, explain_passes: bool = True, about: Truth | None = None) -> Verdict:
    """Ask a rule about one subject; `about` is the truth of its `where`, where that was asked before.

    `when` false is not applicable; `when` unknown passes only where the requirement holds anyway.
    """
    verdict = decide(rule, environment, explain_passes=explain_passes, about=about)
    return verdict if verdict.told is None else with_context(verdict, context_of(rule, environment))


def decide(rule: Rule, environment: Environment, *, explain_passes: bool = True, about: Truth | None = None) -> Verdict:
    """Ask a rule about one subject, without what it shows beside its conditions."""
    when = _when(rule.applies, environment, about)
    if when is Truth.NO:
        condition = rule.applies.when if explain_passes else None
        shown = () if condition is None else because(condition, environment, when).evidence
        return Verdict(Status.NOT_APPLICABLE, shown) if shown else _OUT_OF_SCOPE
    truth = evaluate(rule.require, environment)
    if truth is Truth.YES and not explain_passes:
        return _PASSED
    explanation = because(rule.require, environment, truth)
    shown = explanation.evidence
    if truth is Truth.YES:
        return Verdict(Status.PASS, shown, told=_paths(shown))
    if truth is Truth.NO and when is Truth.YES:
        failed = all_that_decided(rule.require, environment, truth)
        return Verdict(Status.FAIL, shown, failed=failed, told=_paths(shown))
    if when is Truth.UNKNOWN and (condition := rule.applies.when) is not None:
        doubt = because(condition, environment, when)
        return Verdict(Status.UNKNOWN, (*doubt.evidence, *shown), doubt.gaps or explanation.gaps, doubt.errors)
    return Verdict(Status.UNKNOWN, shown, explanation.gaps, explanation.errors, told=_paths(shown))


def context_of(rule: Rule, environment: Environment) -> Sequence[Evidence]:
    """Return what stands where a rule wants it shown with each finding."""
    return [leaf for path in rule.evidence for leaf in observe(path, environment)]


def with_context(verdict: Verdict, context: Sequence[Evidence]) -> Verdict:
    """Return a verdict with what the rule shows beside its conditions, but for what these showed already."""
    told = verdict.told or ()
    more = [leaf for leaf in context if leaf.path not in told]
    return replace(verdict, evidence=[*verdict.evidence, *more], told=None)


def _paths(leaves: Sequence[Evidence]) -> frozenset[str]:
    return frozenset(leaf.path for leaf in leaves)


def _when(applies: Applies, environment: Environment, about: Truth | None) -> Truth:
    if about is None or not isinstance(applies, OnFact):
        return Truth.YES if applies.when is None else evaluate(applies.when, environment)
    rest = applies.besides
    return about if rest is None or about is Truth.NO else all_of((about, evaluate(rest, environment)))
