"""Run one audit offline: read an estate, choose what it is judged by, judge it, report."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from auditor import shipped
from auditor.analysis.contract import Context
from auditor.analysis.exposure.analysis import declared_harmless
from auditor.architecture.workloads import Workloads, bind
from auditor.azure.body import as_time
from auditor.azure.reference_data import datasets
from auditor.engine import partwise
from auditor.engine.accepted import exemption_findings, exemptions, report_reader
from auditor.engine.accepted.known import KnownFailures, compared
from auditor.engine.coverage import needs
from auditor.engine.coverage.coverage import coverage_of
from auditor.engine.coverage.requirements import framework_report
from auditor.engine.evaluate import Evaluation
from auditor.engine.findings import claims, disclosure, held_findings
from auditor.engine.findings.names import CommonNames
from auditor.engine.parallel import cores, processes
from auditor.engine.pictures import pictures_of
from auditor.errors import InputError
from auditor.estate.graph import Estate
from auditor.inputs import read
from auditor.inputs.collector import at_rest
from auditor.inputs.shared_rows import SharedRows
from auditor.lazy_imports import lazy_imports
from auditor.model import Coverage, Finding, FrameworkReport, Report, RuleInfo, SnapshotIdentity, Status
from auditor.redaction.body import Redactor
from auditor.redaction.marks import random_key
from auditor.rulebook import in_force, recognition
from auditor.rulebook.controls import Framework
from auditor.rulebook.in_force import RuleSet, Selection
from auditor.shipped import tool_version
from auditor.snapshot.left_out import calls_in
from auditor.snapshot.model import Metadata, Snapshot
from auditor.snapshot.unkeyed import without_keyed_marks

with lazy_imports(__name__):
    from auditor.diff import drift as drifts
    from auditor.diff import states
    from auditor.engine.incremental import judging

_LOGGER: Final = logging.getLogger(__name__)
_NAMED: Final = 3
"""How many kinds of gaps a notice names."""


class Terms(Struct, frozen=True):
    """How an estate is to be judged. `clock` is used only where nothing else names a time of judgement.

    `framework` is the one by whose requirements the report is to be grouped. `draw` asks for pictures of the workloads.
    `known` are failures that count only as far as they have grown; None where there is nothing to compare with.
    `processes` is how many judge at once, where they can (0: as many as gain); what comes out is the same for any number,
    and where a `cluster` does it. `answers` is a file of what an earlier run found, of which all that still holds is taken
    over, and in which this one keeps what it finds; what comes out is the same. `watch` is told how far judging is, and
    `tell` what of it somebody should know.
    """

    complete: bool = False
    as_of: datetime | None = None
    exemption_files: Sequence[Path] = ()
    explain_passes: bool = True
    clock: datetime | None = None
    framework: Framework | None = None
    draw: bool = False
    known: KnownFailures | None = None
    processes: int = 1
    cluster: Cluster | None = None
    answers: Path | None = None
    watch: partwise.Watch = partwise.unwatched
    tell: Callable[[str], None] = _LOGGER.warning


class Cluster(Protocol):
    """Machines that judge parts of an estate."""

    def spread(self, snapshot: Snapshot, rules: RuleSet, terms: Terms) -> partwise.Spread:
        """Return what has the parts of an estate judged there; `terms` name the time of judgement."""


class Moment(Struct, frozen=True):
    """The time of judgement, and where it came from: `option`, `snapshot`, `export` or `clock`."""

    at: datetime
    source: str


def moment(terms: Terms, metadata: Metadata) -> Moment:
    """Return the time of judgement: the option, else the time of collection, else the export's own, else the clock."""
    if terms.as_of is not None:
        return Moment(terms.as_of, "option")
    for text, source in ((metadata.collected_at, "snapshot"), (metadata.judge_at, "export")):
        if text and (recorded := as_time(text)):
            return Moment(recorded.astimezone(UTC), source)
    return Moment(terms.clock or datetime.now(UTC), "clock")


def context(snapshot: Snapshot, rules: RuleSet, terms: Terms) -> Context:
    """Return what analyses and questions are given: the estate as a graph, its workloads, the baseline's words, the time."""
    return _context(snapshot, rules, terms, moment(terms, snapshot.metadata))


def _context(snapshot: Snapshot, rules: RuleSet, terms: Terms, when: Moment) -> Context:
    if not snapshot.resources and not snapshot.gaps:
        raise InputError("the input holds no resources: there is nothing in scope to judge")
    baseline = rules.baseline
    estate = Estate(snapshot, complete=terms.complete, catalogue=rules.catalogue)
    return Context(
        estate=estate,
        workloads=bind(estate, baseline.parameters, baseline.components),
        parameters=baseline.parameters,
        tables=baseline.tables,
        now=when.at,
    )


def audit(snapshot: Snapshot, rules: RuleSet, terms: Terms) -> Report:
    """Judge a snapshot and return the report; exemptions stand beside the findings that they cover."""
    context, report = _judged(snapshot, rules, terms)
    context.estate.forget()  # findings are told from its resources alone
    return report


def _judged(snapshot: Snapshot, rules: RuleSet, terms: Terms) -> tuple[Context, Report]:
    """Judge a snapshot and return the report together with what it was judged from."""
    when = moment(terms, snapshot.metadata)
    with at_rest():  # the snapshot, and what is made of it
        evaluation = _evaluation(snapshot, rules, terms, when)
        return _state(snapshot, evaluation, terms, when, _findings(snapshot, evaluation, terms, when))


def judged_together(snapshots: Sequence[Snapshot], rules: RuleSet, terms: Terms) -> Sequence[tuple[Context, Report]]:
    """Judge several states of an estate, each as if it were judged alone: what is the same in them is judged once.

    Return what each was judged from, and the report.
    """
    with at_rest():
        return _judged_at_rest(snapshots, rules, terms)


def _judged_at_rest(snapshots: Sequence[Snapshot], rules: RuleSet, terms: Terms) -> Sequence[tuple[Context, Report]]:
    moments = [moment(terms, snapshot.metadata) for snapshot in snapshots]
    pairs = list(zip(snapshots, moments, strict=True))
    evaluations = [_evaluation(snapshot, rules, terms, when) for snapshot, when in pairs]
    finishing = partial(_finishing_together, [_Finishing.of(evaluation.estate) for evaluation in evaluations])
    number = _processes(max(len(snapshot.resources) for snapshot in snapshots), terms)
    judged = partwise.judged_together(
        partwise.StatesTogether(evaluations, finishing, terms.watch), partial(processes.over_processes, number)
    )
    return [
        _state(snapshot, evaluation, terms, when, partwise.counted(found, evaluation.estate))
        for (snapshot, when), evaluation, found in zip(pairs, evaluations, judged, strict=True)
    ]


def _evaluation(snapshot: Snapshot, rules: RuleSet, terms: Terms, when: Moment) -> Evaluation:
    return Evaluation(_context(snapshot, rules, terms, when), rules, terms.explain_passes)


def _findings(snapshot: Snapshot, evaluation: Evaluation, terms: Terms, when: Moment) -> partwise.JudgedFindings:
    spread = _spread(snapshot, evaluation.rules, terms, when)
    finishing, cleaner = _Finishing.of(evaluation.estate), disclosure.Cleaner()
    if terms.answers is not None:
        kept = judging.KeptFindings(terms.answers, evaluation, lambda: finishing.names.by_guid, terms.tell)
        return kept.judged(lambda *seen: _Finishing.of(*seen).of_part(cleaner), spread, terms.watch)
    return partwise.judged(partwise.PartwiseEvaluation(evaluation, finishing.of_part(cleaner), terms.watch), spread)


def _state(
    snapshot: Snapshot, evaluation: Evaluation, terms: Terms, when: Moment, found: partwise.JudgedFindings
) -> tuple[Context, Report]:
    report = _report(snapshot, evaluation, terms, when, found)
    if misfit := _misfit(snapshot, evaluation, terms, report):
        report = replace(report, misfit=misfit, notices=[misfit, *report.notices])
    return evaluation.context, report


def chosen(snapshot: Snapshot, choice: Selection) -> Selection:
    """Return what is to be judged by: the baseline that fits the estate best where `auto` was asked for."""
    if choice.baseline != recognition.AUTO:
        return choice
    return replace(choice, baseline=recognition.best(Estate(snapshot), shipped.folder("baselines")))


def _misfit(snapshot: Snapshot, evaluation: Evaluation, terms: Terms, report: Report) -> str:
    """Say that another edition fits the estate better, and how many of the failures come from that alone."""
    baseline = evaluation.rules.baseline
    other = recognition.better(evaluation.estate, baseline, shipped.folder("baselines"))
    if other is None:
        return ""
    by_other = in_force.load(in_force.Selection(other))
    likeness = f"the estate looks like {other} and is judged by {baseline.called}"
    if _lacks(evaluation.estate, by_other):
        return f"{likeness}; what came of that alone only a snapshot tells that was collected with --everything"
    plain = replace(
        terms, exemption_files=(), framework=None, draw=False, known=None, explain_passes=False, answers=None
    )
    when = moment(plain, snapshot.metadata)
    by_it = _evaluation(snapshot, by_other, plain, when)
    fitting = _report(snapshot, by_it, plain, when, _findings(snapshot, by_it, plain, when))
    failing = _failures(report)
    return f"{likeness}: {len(failing - _failures(fitting))} of {len(failing)} failures come from that alone"


def _lacks(estate: Estate, rules: RuleSet) -> bool:
    """Whether a collection left out what some rules need."""
    needed, hanging = needs.needs_of(rules), needs.settings(estate.catalogue)
    calls = ((start, yields.lower()) for start, yields in calls_in(estate.metadata.scope))
    return any(needed.has(start, yields, is_setting=yields in hanging) for start, yields in calls)


def _failures(report: Report) -> frozenset[tuple[str, str, str]]:
    failing = (each for each in report.findings if each.status is Status.FAIL)
    return frozenset((each.rule_id, (each.resource_id or "").lower(), each.sub_object) for each in failing)


def drift(old: str, new: str, rules: RuleSet, terms: Terms) -> drifts.Drift:
    """Compare two inputs: estates on all levels, or where one of them is a report, the findings alone."""
    terms = replace(terms, explain_passes=False, clock=terms.clock or datetime.now(UTC))
    reports = report_reader.report_in(old), report_reader.report_in(new)
    if any(report is not None for report in reports):
        before, after = (
            audit(read.read(source), rules, terms) if report is None else report
            for source, report in zip((old, new), reports, strict=True)
        )
        return states.compare_reports(before, after)
    redactor, rows = Redactor(random_key()), SharedRows()
    before_read, after_read = (read.read(source, redactor=redactor, shared=rows) for source in (old, new))
    is_one = before_read.sha256 == after_read.sha256
    states_read = [before_read] if is_one else [before_read, after_read]
    judged = judged_together(without_keyed_marks(*states_read), rules, terms)
    both = [states.AuditedState(*found, given.resources) for found, given in zip(judged, states_read, strict=True)]
    return states.compare(both[0], both[-1])


def _report(
    snapshot: Snapshot, evaluation: Evaluation, terms: Terms, when: Moment, found: partwise.JudgedFindings
) -> Report:
    given, rules, judged = evaluation.context, evaluation.rules, found.findings
    coverage = coverage_of(evaluation, found.tallies)
    notices = [
        *_notices(given.workloads),
        *_followed(given.estate),
        *_ambiguous(given.estate),
        *_harmless(given),
        *_idle(coverage),
    ]
    known = terms.known or KnownFailures()
    accepted = [exemption for path in terms.exemption_files for exemption in exemptions.load(path, rules.rules)]
    matched = exemptions.match(judged, accepted, when.at.date(), known, unasked=rules.unasked)
    if matched.exempted:
        judged = held_findings.changed(judged, matched.beside)
    notices += _claimed(found.tallies.claims)
    on_exemptions = _on_exemptions(judged, matched, terms)
    if on_exemptions.findings:
        judged = held_findings.with_more(judged, on_exemptions.findings)
    if terms.known is not None:
        judged = compared(judged, known)
    metadata = snapshot.metadata
    return Report(
        tool_version=tool_version(),
        baseline_name=rules.baseline.called,
        baseline_version=rules.baseline.version,
        snapshot=SnapshotIdentity(snapshot.sha256, metadata.collected_at, metadata.scope, metadata.subscription_names),
        as_of=when.at,
        as_of_source=when.source,
        rules={**rules.infos(), **on_exemptions.rules},
        resources=len(snapshot.resources),
        findings=judged,
        gaps=disclosure.gaps_without_secrets(snapshot.gaps),
        notices=[disclosure.text_without_secrets(notice) for notice in notices],
        coverage=coverage,
        reference_data={dataset.name: dataset.version for dataset in datasets.load_all()},
        framework=_grouped(terms.framework, coverage, rules, when),
        pictures=pictures_of(given) if terms.draw else (),
        exemptions=matched.states,
    )


def in_parts(snapshot: Snapshot, rules: RuleSet, terms: Terms) -> partwise.PartwiseEvaluation:
    """Return what judges a snapshot part by part: the same parts, with the same findings, in every process."""
    given = context(snapshot, rules, terms)
    evaluation = Evaluation(given, rules, terms.explain_passes)
    return partwise.PartwiseEvaluation(evaluation, _Finishing.of(given.estate).of_part(disclosure.Cleaner()))


def _spread(snapshot: Snapshot, rules: RuleSet, terms: Terms, when: Moment) -> partwise.Spread:
    """Return what has the parts judged; why that is one process where more were asked for is logged."""
    if terms.cluster is not None:
        return terms.cluster.spread(snapshot, rules, replace(terms, as_of=when.at))
    wanted = _processes(len(snapshot.resources), terms)
    return partial(processes.over_processes, wanted) if wanted > 1 else partwise.one_after_the_other


def _processes(resources: int, terms: Terms) -> int:
    wanted = cores.processes_for(terms.processes, resources)
    if wanted > 1 and (obstacle := processes.obstacle()):
        _LOGGER.info("judging in one process: %s", obstacle)
        return 1
    return wanted


class _Finishing(Struct, frozen=True):
    """Makes of findings those of a report: with names, without secrets, with what claims an exemption."""

    names: CommonNames
    claimed: claims.ExemptionClaims

    @classmethod
    def of(cls, estate: Estate, names: Mapping[str, str] | None = None) -> _Finishing:
        """Return what finishes the findings on an estate; `names` are what people call things there, if that is known."""
        return cls(CommonNames(estate, estate.metadata.subscription_names, names), claims.ExemptionClaims(estate))

    def of_part(self, cleaner: disclosure.Cleaner) -> partwise.Finish:
        """Return it for a part of the findings, with what takes the secrets out of it."""
        return lambda found: self.claimed.beside(cleaner.cleaned(self.names.into(found)))


def _finishing_together(states: Sequence[_Finishing]) -> Sequence[partwise.Finish]:
    """Return what finishes a part of the findings on several states: one that is in several of them is cleaned once."""
    cleaner = disclosure.Cleaner(keeps=True)
    return [state.of_part(cleaner) for state in states]


class _OnExemptions(Struct, frozen=True):
    """What is found of exemptions, and by which rules."""

    findings: Sequence[Finding] = ()
    rules: Mapping[str, RuleInfo] = field(default_factory=dict)


def _on_exemptions(judged: Sequence[Finding], matched: exemptions.Matched, terms: Terms) -> _OnExemptions:
    """Judge the exemptions that were given; where nothing else was judged, that is no answer on an estate."""
    if not terms.exemption_files or all(each.status is Status.NOT_APPLICABLE for each in judged):
        return _OnExemptions()
    rules = exemption_findings.rules(str(terms.exemption_files[0]))
    return _OnExemptions(exemption_findings.findings(matched), rules)


def _grouped(framework: Framework | None, coverage: Coverage, rules: RuleSet, when: Moment) -> FrameworkReport | None:
    if framework is None:
        return None
    return framework_report(framework, coverage.controls, rules.baseline.attestations, when.at.date())


def _idle(coverage: Coverage) -> list[str]:
    """Say which gaps change no answer: they do not count against the audit."""
    idle = [each.gap for each in coverage.gaps if not each.findings and not each.is_of_inventory]
    kinds = sorted({gap.what for gap in idle})
    shown = ", ".join(kinds[:_NAMED]) + (f" and {len(kinds) - _NAMED} more" if len(kinds) > _NAMED else "")
    return [f"no answer depends on {len(idle)} of the gaps: {shown}"] if idle else []


def _claimed(claims: Counter[str]) -> list[str]:
    """Say how many failures are on what Azure calls exempt, which is judged all the same, and why Azure calls them so."""
    text = "failures are on what Azure calls exempt, which decides nothing here: "
    return [f"{claims.total()} {text}{', '.join(sorted(claims)[:_NAMED])}"] if claims else []


def _followed(estate: Estate) -> list[str]:
    known = [key for key in estate.followed if estate.get(key)]
    text = "resources outside the scope were followed by reference: they decide about others, and are not judged themselves"
    return [f"{len(known)} {text}"] if known else []


def _ambiguous(estate: Estate) -> list[str]:
    """Say which host names occur twice, as they do in a file that holds two tenants, or an estate and its copy."""
    told = {one.host: estate.told_of_host(one) for one in estate.ambiguous_hosts}
    return [f"{text}: which of them is called is not known" for _, text in sorted(told.items())]


def _harmless(given: Context) -> list[str]:
    """Say which types of the estate the baseline declares to have no way in, and why."""
    declared = declared_harmless(given.parameters)
    present = [name for name in given.estate.types() if name in declared]
    return [f"{name} is taken to have no way in from the Internet: {declared[name]}" for name in present]


def _notices(workloads: Workloads) -> list[str]:
    own = [f"{workload.name}: {notice}" for workload in workloads.all for notice in workload.notices]
    return [*workloads.notices, *own]
