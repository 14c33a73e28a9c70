"""Run one audit offline: read an estate, choose what it is judged by, judge it, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from auditor.architecture.workloads import Workloads, bind
from auditor.engine.evaluate import Question, findings
from auditor.errors import InputError
from auditor.estate.graph import Estate
from auditor.language.operators import as_time
from auditor.model import Report, SnapshotIdentity
from auditor.rulebook import exemptions
from auditor.rulebook.in_force import RuleSet
from auditor.snapshot.model import Metadata, Snapshot


@dataclass(frozen=True, slots=True)
class Terms:
    """How an estate is to be judged. `clock` is used only where nothing else names a time of judgement."""

    complete: bool = False
    as_of: datetime | None = None
    exemption_files: Sequence[Path] = ()
    explain_passes: bool = True
    clock: datetime | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """The time of judgement, and where it came from: `option`, `snapshot`, `export` or `clock`."""

    at: datetime
    source: str


def tool_version() -> str:
    """Return the version of the installed tool."""
    try:
        return version("auditor")
    except PackageNotFoundError:
        return "0+unknown"


def moment(terms: Terms, metadata: Metadata) -> Moment:
    """Return the time of judgement: the option, else the time of collection, else the export's own, else the clock."""
    if terms.as_of is not None:
        return Moment(terms.as_of, "option")
    for text, source in ((metadata.collected_at, "snapshot"), (metadata.judge_at, "export")):
        if text and (found := as_time(text)):
            return Moment(found.astimezone(UTC), source)
    return Moment(terms.clock or datetime.now(UTC), "clock")


def prepare(snapshot: Snapshot, content: RuleSet, terms: Terms) -> tuple[Question, Moment]:
    """Return the question to evaluate: the estate as a graph, its workloads, the rules in force, the time."""
    if not snapshot.resources and not snapshot.gaps:
        raise InputError("the input holds no resources: there is nothing in scope to judge")
    estate = Estate(snapshot, complete=terms.complete, catalogue=content.catalogue)
    workloads = bind(estate, content.baseline.parameters, content.baseline.components)
    when = moment(terms, snapshot.metadata)
    question = Question(
        estate=estate,
        workloads=workloads,
        rules=content.in_force,
        analyses=content.analyses,
        parameters=content.baseline.parameters,
        tables=content.baseline.tables,
        components=content.components,
        now=when.at,
        explain_passes=terms.explain_passes,
    )
    return question, when


def audit(snapshot: Snapshot, content: RuleSet, terms: Terms) -> Report:
    """Judge a snapshot and return the report; exemptions stand beside the findings that they cover."""
    question, when = prepare(snapshot, content, terms)
    found = findings(question)
    notices = [*_notices(question.workloads), *_followed(question.estate)]
    for path in terms.exemption_files:
        accepted = exemptions.load(path)
        exemptions.check_rules(accepted, content.rules, path)
        matched = exemptions.match(found, accepted, when.at.date())
        pairs = zip(found, matched.exempted, strict=True)
        found = [replace(one, exemption=exemption) if exemption else one for one, exemption in pairs]
        notices += matched.notices
    metadata = snapshot.metadata
    return Report(
        tool_version=tool_version(),
        baseline_name=content.baseline.name,
        baseline_version=content.baseline.version,
        snapshot=SnapshotIdentity(snapshot.sha256, metadata.collected_at, metadata.scope, metadata.subscription_names),
        as_of=when.at,
        as_of_source=when.source,
        rules=content.infos(),
        resources=len(snapshot.resources),
        findings=found,
        gaps=snapshot.gaps,
        notices=notices,
    )


def _followed(estate: Estate) -> list[str]:
    known = [key for key in estate.followed if estate.get(key)]
    text = "resources outside the scope were followed by reference: they decide about others, and are not judged themselves"
    return [f"{len(known)} {text}"] if known else []


def _notices(workloads: Workloads) -> list[str]:
    own = [f"{workload.name}: {notice}" for workload in workloads.all for notice in workload.notices]
    return [*workloads.notices, *own]
