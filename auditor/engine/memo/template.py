"""Write a finding out of what a rule said of all subjects like this one: only ids, origins and commands are filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from auditor.analysis.fact import Fact
from auditor.engine.findings import disclosure, message, value_sets
from auditor.engine.findings.finding import (
    Controls,
    FactWords,
    SubjectInfo,
    change_of,
    command_of,
    fields_read,
    fingerprint,
    is_of_absence,
    origin_of,
    reason_of,
    sentence_of,
    takes_origin,
    words_of,
)
from auditor.engine.findings.shared_evidence import (
    SharedEvidence,
    SharedLeaf,
    SharedLeaves,
    ValueOrigin,
)
from auditor.engine.memo.memo import Names, Reading
from auditor.engine.verdict import Verdict
from auditor.model import Evidence, Finding, FindingSet, Gap, Status
from auditor.rulebook.in_force import RuleInForce


class Answer(Struct, frozen=True):
    """What the reference evaluator says of a subject, and which controls that answers."""

    verdict: Verdict
    controls: Controls


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


_NO_WORDS: Final = FactWords()


class Template(Struct, frozen=True, eq=False):
    """What a rule says of subjects that are alike. Where something else than their ids differs, it is left open.

    `gaps` go with the numbers of their scopes. `failed` is None where what a failure rests on (`rests_on`) is the same for all.
    """

    rule: RuleInForce
    verdict: Verdict
    leaves: SharedLeaves
    message: str
    reason: str | None
    permission: str | None
    gaps: Sequence[tuple[Gap, int]]
    failed: SharedLeaves | None
    rests_on: FindingSet | None
    controls: Controls
    fields_read: Sequence[str]
    shows_inputs: bool


def template_of(rule: RuleInForce, answer: Answer, info: SubjectInfo, names: Names, *, shows_inputs: bool) -> Template:
    """Return what is the same of all subjects of which a rule says this. KeyError where it names an id without a number."""
    verdict = answer.verdict
    leaves = _leaves(verdict.evidence, names)
    failed = _leaves(verdict.failed, names)
    own = failed.are_of_subject and not failed.show_own
    return Template(
        rule=rule,
        verdict=verdict,
        leaves=leaves,
        message=sentence_of(rule.rule, verdict, info),
        reason=reason_of(verdict),
        permission=next((gap.permission for gap in verdict.gaps if gap.permission), None),
        gaps=[(gap, names.numbers[gap.scope]) for gap in verdict.gaps],
        failed=None if own else failed,
        rests_on=_rests_on(verdict.failed, info) if own else None,
        controls=answer.controls,
        fields_read=fields_read(verdict.evidence),
        shows_inputs=shows_inputs,
    )


def _leaves(leaves: Iterable[Evidence], names: Names) -> SharedLeaves:
    """Return leaves without whose they are, and without what was only tested of each subject."""
    places = {place: number for number, place in enumerate(names.tested)}
    values = list(names.tested.values())
    without: list[SharedLeaf] = []
    for each in shared(leaves, names.numbers):
        number = None if each.owner is None else places.get((each.owner, each.leaf.path))
        if number is None:
            without.append(each)
        elif each.leaf.actual == values[number]:
            without.append(each._replace(leaf=replace(each.leaf, actual=None), own=number))
        else:
            raise KeyError(each.leaf.path)
    return SharedLeaves(tuple(without), all(each.own is None for each in without))


def shared(leaves: Iterable[Evidence], names: Mapping[str, int]) -> tuple[SharedLeaf, ...]:
    """Return leaves without whose they are. KeyError where one names an id without a number."""
    return tuple(
        SharedLeaf(leaf, None, was_read=False)
        if leaf.resource_id is None
        else SharedLeaf(replace(leaf, resource_id=None), names[leaf.resource_id], takes_origin(leaf))
        for leaf in leaves
    )


def _rests_on(failed: Iterable[Evidence], info: SubjectInfo) -> FindingSet | None:
    return value_sets.of_leaves(map(disclosure.evidence_without_secrets, failed), info.resource_id)


def filled(
    template: Template, leaves: SharedLeaves, case: JudgedCase, names: Names | None, values: Sequence[object]
) -> Finding:
    """Return the finding on one subject; `leaves` are the template's with their context, in which the `values` are its own.

    Without `names`, there is no id but its own, and nothing was tested.
    """
    info, fact = case.info, case.fact
    inputs = case.inputs if template.shows_inputs else ()
    rule, status = template.rule, template.verdict.status
    about = rule.rule
    origins = info.origins if names is None else _origins(names, info)
    tested = () if names is None else tuple(names.tested.values())
    evidence = SharedEvidence(leaves, origins, inputs, (*tested, *values)) if leaves.leaves or inputs else ()
    words, is_absence = _NO_WORDS, False
    text, rests_on, change, command = template.message, template.rests_on, None, ""
    gaps: Sequence[Gap] = ()
    if template.gaps:
        gaps = _gaps(template, info, names)
        text = message.undecided(about.title, gaps, template.verdict.errors)
    elif tested and template.leaves.show_own:
        text = sentence_of(about, replace(template.verdict, evidence=evidence), info)
    if status is Status.FAIL:
        if template.failed is not None:
            rests_on = _rests_on(SharedEvidence(template.failed, origins, (), tested), info)
        if fact is not None:
            words, is_absence = words_of(fact, template.fields_read), is_of_absence(fact, evidence)
        command = words.remedy or command_of(about.remediation_cli, info)
        change = change_of(about, evidence, info)
    return Finding(
        about.id,
        rule.severity,
        status,
        info.resource_id,
        info.resource_type,
        words.sentence or text,
        info.sub_object,
        info.workload,
        info.component,
        info.location,
        evidence,
        words.witness,
        template.reason,
        template.permission,
        gaps,
        None,  # exempted by nobody yet
        command,
        fingerprint(about.id, info.identity),
        info.collected_at,
        is_absence,
        template.controls,
        info.tags,
        words.rests_on or rests_on,
        change,
        "",  # what follows is known only in comparison
        "",
        None,
        (),
    )


def _origins(names: Names, info: SubjectInfo) -> tuple[ValueOrigin, ...]:
    return info.origins if len(names.numbers) == 1 else tuple(origin_of(name, info) for name in names.numbers)


def _gaps(template: Template, info: SubjectInfo, names: Names | None) -> Sequence[Gap]:
    """Return why it is not known, with the ids in place of their numbers."""
    listed = [info.origins[0].resource_id] if names is None else list(names.numbers)
    return tuple(replace(gap, scope=listed[number]) for gap, number in template.gaps)
