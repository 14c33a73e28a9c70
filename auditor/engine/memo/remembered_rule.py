"""Judge subjects by a rule that remembers what it said: only what is new to it is asked of the reference evaluator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from auditor.analysis.fact import Fact
from auditor.engine.findings.finding import SubjectInfo, finding_of, finding_of_fact
from auditor.engine.memo.memo import KeyPlan, Memo, Names, Places, Reading
from auditor.engine.memo.shown_context import NONE_OWN, ShownContext
from auditor.engine.memo.template import Answer, JudgedCase, Template, filled, template_of
from auditor.engine.subjects import MemorableSubject
from auditor.language.ast import Leaf
from auditor.language.reads import reads_clock, reads_of
from auditor.model import Evidence, Finding, Status
from auditor.rulebook.in_force import RuleInForce
from auditor.rulebook.rule import OnFact
from auditor.truth import Truth


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


class ResourceCase(Struct, frozen=True):
    """A resource as all rules on its type meet it."""

    reading: Reading
    info: SubjectInfo
    inputs: Sequence[Evidence] = ()
    fact: Fact | None = None


_NOT_ABOUT: Final = (None,)


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
        self._scope = None if depending else _scope_of(rule, places, reference)
        self._out_of_scope: Memo[Sequence[Template | None]] = Memo()
        self._context = ShownContext(context, places, reference.context)
        self._shows_context = bool(context)
        self._by_values: Memo[Sequence[Template | None]] = Memo()
        self._by_more: Memo[Sequence[Template | None]] = Memo()

    def finding(self, case: JudgedCase) -> Finding | None:
        """Return the finding on a subject; None where the rule is not about it."""
        reading, names = case.reading, None
        try:
            plain_key = self._plan.plain_key(reading)
            known = None if plain_key is None else self._by_values.get(plain_key)
            if known is None:
                names = Names(reading.subject.id)
                if plain_key is None:
                    known, names = self._answered(case, names)
                else:
                    known = self._asked(case, names)
                    self._by_values.keep(plain_key, known)
            template = known[0]
            if template is None:
                return None
            leaves, values = template.leaves, NONE_OWN
            if self._shows_context:
                leaves, values = self._context.added_to(template, reading)
        except Exception:  # noqa: BLE001 - the reference says what is wrong
            return self.by_reference(case)
        return filled(template, leaves, case, names, values)

    def _shows_inputs(self, status: Status) -> bool:
        return status is not Status.NOT_APPLICABLE and (status is not Status.PASS or self._shows_inputs_of_passes)

    def _answered(self, case: JudgedCase, names: Names) -> tuple[Sequence[Template | None], Names]:
        """Return what the rule says of all subjects like this one, and the names that it may tell.

        Unkeyable, KeyError where that is not known.
        """
        scope_key, in_scope = None, Names(case.reading.subject.id)
        if self._scope is not None and self._out_of_scope.is_of_use:
            scope_key = self._scope.key(case.reading, in_scope)
            known = self._out_of_scope.get(scope_key)
            if known is not None:
                return known, in_scope
        key = self._plan.key(case.reading, names)
        known = self._by_more.get(key)
        if known is None:
            known = self._asked(case, names)
            self._by_more.keep(key, known)
        template = known[0]
        if scope_key is not None and template is not None and template.verdict.status is Status.NOT_APPLICABLE:
            self._out_of_scope.keep(scope_key, self._asked(case, in_scope))
        return known, names

    def _asked(self, case: JudgedCase, names: Names) -> Sequence[Template | None]:
        answer = self._reference.answer(case.reading.subject)
        if answer is None:
            return _NOT_ABOUT
        shows_inputs = self._shows_inputs(answer.verdict.status)
        return [template_of(self.rule, answer, case.info, names, shows_inputs=shows_inputs)]

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


def _scope_of(rule: RuleInForce, places: Places, reference: ReferenceEvaluator) -> KeyPlan | None:
    """Return the plan of the key by which a subject is out of a rule's scope; None where the rest costs nothing to look at.

    What is not applicable is so for its `when` alone: what the requirement reads of other resources need not be read.
    """
    applies = rule.applies
    if isinstance(applies, OnFact) or applies.when is None or not reads_of([rule.require]).relations:
        return None
    return KeyPlan(reads_of([applies.when]), places, reference.holds)
