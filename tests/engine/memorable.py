"""Judge example subjects by a rule that remembers, and by the reference evaluator alone."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from auditor.azure.paths import parse
from auditor.engine.evaluate import Evaluation
from auditor.engine.findings.finding import SubjectInfo, finding_of, identity
from auditor.engine.findings.shared_evidence import ValueOrigin
from auditor.engine.memo.memo import Places, Reading
from auditor.engine.memo.remembered_rule import RememberedRule, ResourceCase
from auditor.engine.memo.template import Answer
from auditor.engine.partwise import findings
from auditor.engine.subjects import Doubts, ExampleSubject, MemorableSubject
from auditor.engine.verdict import context_of, decide, judge
from auditor.language.ast import Leaf
from auditor.language.environment import Environment, Problem
from auditor.language.evaluate import evaluate
from auditor.model import Evidence, Finding, Gap
from auditor.rulebook.in_force import RuleInForce
from auditor.truth import Truth

NOW = datetime(2024, 3, 1, tzinfo=UTC)


class MemorableExample(ExampleSubject):
    """An example of which all is known that decides what is not known of it."""

    @property
    def doubts(self) -> Doubts:
        spelled = [
            (text if head else f"properties.{text}", text)
            for text in self.uncollected
            if not text.startswith("related:")
            for head in (True, False)
        ]
        return [(parse(path), Gap(self.id, text, "not collected")) for path, text in spelled]

    def related(self, name: str) -> tuple[Sequence[MemorableSubject], Gap | None]:
        seen, gap = super().related(name)
        examples = (one for one in seen if isinstance(one, ExampleSubject))
        return [MemorableExample(one.body, one.others, one.uncollected) for one in examples], gap


@dataclass(frozen=True)
class ReferenceAlone:
    """The reference evaluator with one rule, as the examples of rules are judged."""

    rule: RuleInForce
    explain_passes: bool = True

    def _environment(self, subject: MemorableSubject) -> Environment:
        return Environment(subject, subject, self.rule.parameters, NOW)

    def answer(self, subject: MemorableSubject) -> Answer:
        verdict = decide(self.rule.rule, self._environment(subject), explain_passes=self.explain_passes)
        return Answer(verdict, self.rule.answers.always)

    def context(self, subject: MemorableSubject) -> Sequence[Evidence]:
        return context_of(self.rule.rule, self._environment(subject))

    def holds(self, leaf: Leaf, subject: MemorableSubject) -> Truth:
        return evaluate(leaf, self._environment(subject))

    def judged(self, subject: MemorableSubject) -> Answer:
        verdict = judge(self.rule.rule, self._environment(subject), explain_passes=self.explain_passes)
        return Answer(verdict, self.rule.answers.always)


def info_of(subject: MemorableSubject) -> SubjectInfo:
    """Return what findings on an example are filed under."""
    return SubjectInfo(
        key=subject.id.lower(),
        resource_id=subject.id,
        resource_type="Contoso.Test/things",
        identity=identity(subject.id, ""),
        origins=(ValueOrigin(subject.id, "export", "2024-01-01", "2024-02-01T00:00:00Z"),),
        body=lambda: subject.body,
    )


class BothWays:
    """A rule that remembers and the reference, asked of the same subjects."""

    def __init__(self, rule: RuleInForce, *, explain_passes: bool = True) -> None:
        self._rule = rule
        self._reference = ReferenceAlone(rule, explain_passes)
        self._places = Places()
        self._remembered = RememberedRule(rule, self._places, self._reference, shows_inputs_of_passes=explain_passes)

    def judge(self, subject: MemorableExample) -> tuple[Finding | None, Finding]:
        """Return what the one says, and the other."""
        info = info_of(subject)
        remembered = self._remembered.finding(ResourceCase(Reading(subject, self._places), info))
        answer = self._reference.judged(subject)
        return remembered, finding_of(self._rule, answer.verdict, info, answer.controls)

    def agree_on(self, subject: MemorableExample) -> None:
        """Fail where they say anything different: text by text, as equality takes 1 for true."""
        try:
            remembered, expected = self.judge(subject)
        except Problem:
            return  # an example that says nonsense of what it is related to
        assert repr(remembered) == repr(expected)


def example(
    body: Mapping[str, Any], others: Mapping[str, Any], uncollected: Sequence[str], name: str
) -> MemorableExample:
    """Return an example with an id of its own, and ids of their own for what it is related to."""
    named = {key: [{"id": f"/{name}/{key}/{n}", **each} for n, each in enumerate(others[key])] for key in others}
    return MemorableExample({"id": f"/subscriptions/s/{name}", **copy.deepcopy(body)}, named, uncollected)


class _Everything:
    """What holds whatever there is."""

    def __contains__(self, _: object) -> bool:
        return True


def by_reference(question: Evaluation, patch: Any) -> list[Finding]:
    """Return the findings of an evaluation of which nothing is remembered, and of each fact all is made."""
    with patch.context() as patched:
        patched.setattr(RememberedRule, "finding", RememberedRule.by_reference)
        patched.setattr(Places, "first_names", lambda _: _Everything())
        return findings(question)
