"""Judge subjects by a rule that remembers what it said: only what is new to it is asked of the reference evaluator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from auditor.analysis.fact import Fact
from auditor.engine.findings import Controls, SubjectInfo, finding_of, finding_of_fact
from auditor.engine.memo import KeyPlan, Memo, Names, Places, Reading, Unkeyable
from auditor.engine.shared_evidence import SharedLeaves
from auditor.engine.shown_context import ShownContext, Values
from auditor.engine.subjects import MemorableSubject
from auditor.engine.template import Filling, Template, filled, template_of
from auditor.engine.verdict import Verdict
from auditor.language.ast import Leaf
from auditor.language.reads import reads_clock, reads_of
from auditor.model import Evidence, Finding, Status
from auditor.rulebook.in_force import RuleInForce
from auditor.truth import Truth


@dataclass(frozen=True, slots=True)
class Answer:
    """What the reference evaluator says of a subject, and which controls that answers."""

    verdict: Verdict
    controls: Controls


class ReferenceEvaluator(Protocol):
    """The reference evaluator with a rule in its hands."""

    def answer(self, subject: MemorableSubject) -> Answer | None:
        """Return what the rule says of a subject, but for its context; None where it is not about it. It may raise."""

    def context(self, subject: MemorableSubject) -> Sequence[Evidence]:
        """Return what the rule shows beside its conditions. It may raise."""

    def holds(self, leaf: Leaf, subject: MemorableSubject) -> Truth:
        """Return whether a comparison of the rule holds of a subject, or of one that it is related to."""

    def judged(self, subject: MemorableSubject) -> Answer | None:
        """Return all that the rule says of a subject; what raises is unknown."""


class JudgedCase(Protocol):
    """A subject as all rules meet it."""

    @property
    def reading(self) -> Reading:
        """Return the subject with what was read of it."""

    @property
    def info(self) -> SubjectInfo:
        """Return what findings on it are filed under."""

    @property
    def inputs(self) -> Sequence[Evidence]:
        """Return what it was derived from."""

    @property
    def fact(self) -> Fact | None:
        """Return the fact that it is, or None for a resource."""


@dataclass(frozen=True, slots=True)
class ResourceCase:
    """A resource as all rules on its type meet it."""

    reading: Reading
    info: SubjectInfo
    inputs: Sequence[Evidence] = ()
    fact: Fact | None = None


class RememberedRule:
    """A rule with what it said so far. All `places` are known before the first subject is read.

    `is_of_subject_alone`: it follows no relation to other resources. `reads_clock`: what it says depends on the time.
    """

    def __init__(
        self, rule: RuleInForce, places: Places, reference: ReferenceEvaluator, *, shows_inputs_of_passes: bool
    ) -> None:
        applies, depending = rule.applies, rule.answers.depending
        conditions = [rule.require, *(condition for _, _, listed in depending for condition in listed)]
        self.rule = rule
        self._reference = reference
        self._shows_inputs_of_passes = shows_inputs_of_passes
        conditions = conditions if applies.when is None else [applies.when, *conditions]
        reads = reads_of(conditions)
        self.is_of_subject_alone = not reads.relations
        self.reads_clock = any(map(reads_clock, conditions))
        context = [path.steps for path in rule.rule.evidence]
        self._plan = KeyPlan(reads, places, reference.holds, context)
        self._context = ShownContext(context, places, reference.context)
        self._templates: Memo[Sequence[Template | None]] = Memo()

    def finding(self, case: JudgedCase) -> Finding | None:
        """Return the finding on a subject; None where the rule is not about it."""
        names = None
        try:
            key = self._plan.plain_key(case.reading)
            known = None if key is None else self._templates.get(key)
            if known is None:  # it is unlike those before, or not its own values alone decide
                names = Names(case.reading.subject.id)
                template = self._answered(case, names)
            else:
                template = known[0]
            if template is None:
                return None
            leaves, values = self._context.added_to(template, case.reading)
        except Exception:  # noqa: BLE001 - the reference says what is wrong
            return self.by_reference(case)
        return self._filled(template, leaves, case, names, values)

    def _filled(
        self, template: Template, leaves: SharedLeaves, case: JudgedCase, names: Names | None, values: Values
    ) -> Finding:
        inputs = case.inputs if self._shows_inputs(template.verdict.status) else ()
        return filled(template, leaves, Filling(case.info, names, values, case.fact, inputs))

    def _shows_inputs(self, status: Status) -> bool:
        return status is not Status.NOT_APPLICABLE and (status is not Status.PASS or self._shows_inputs_of_passes)

    def _answered(self, case: JudgedCase, names: Names) -> Template | None:
        """Return what the rule says of all subjects like this one. Unkeyable, KeyError where that is not known."""
        subject = case.reading.subject
        if not case.reading.is_named:
            raise Unkeyable
        key = self._plan.key(case.reading, names)
        known = self._templates.get(key)
        if known is None:
            answer = self._reference.answer(subject)
            known = [None if answer is None else self._template(answer, case, names)]
            self._templates.keep(key, known)
        return known[0]

    def _template(self, answer: Answer, case: JudgedCase, names: Names) -> Template:
        return template_of(self.rule, answer.verdict, answer.controls, case.info, names)

    def by_reference(self, case: JudgedCase) -> Finding | None:
        """Return the finding made of an answer itself."""
        answer = self._reference.judged(case.reading.subject)
        if answer is None:
            return None
        verdict = answer.verdict
        if case.fact is None:
            return finding_of(self.rule, verdict, case.info, answer.controls)
        if self._shows_inputs(verdict.status) and case.inputs:
            verdict = replace(verdict, evidence=[*verdict.evidence, *case.inputs])
        return finding_of_fact(self.rule, verdict, case.fact, case.info, answer.controls)
