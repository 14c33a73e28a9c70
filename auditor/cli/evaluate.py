"""The commands that judge: evaluate, demo, explain."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, TextIO

import typer
from msgspec import Struct
from msgspec.structs import replace

from auditor.cli import follow_up, streams
from auditor.cli import options as opt
from auditor.cli.context import FAILURES, NO_ANSWER
from auditor.cli.help_page import GroupedCommand, examples
from auditor.errors import AuditorError
from auditor.lazy_imports import lazy_imports
from auditor.model import Report
from auditor.report import format as formats
from auditor.report import pipeline_log
from auditor.report.escapes.output import EscapedOutput
from auditor.report.format import Format
from auditor.report.group_by import GroupBy

with lazy_imports(__name__):
    from auditor import audit, shipped
    from auditor.cli import judging_progress
    from auditor.engine.accepted import exemptions, known_files
    from auditor.engine.parallel import cores
    from auditor.fleet import cluster as clusters
    from auditor.inputs import collector, read, remote
    from auditor.report import data_set, explanation, outcome, summary
    from auditor.rulebook import in_force, recognition, retired
    from auditor.snapshot import model as snapshots


_EVALUATE: Final = examples(
    "auditor evaluate estate.snapshot",
    "auditor evaluate export.json --complete --group-by workload --compact",
    "auditor evaluate estate.snapshot -o sarif=findings.sarif --fail-on high",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(cls=GroupedCommand, epilog=_EVALUATE)(evaluate)
    app.command(cls=GroupedCommand, epilog=examples("auditor demo", "auditor demo --compact"))(demo)
    app.command(cls=GroupedCommand)(explain)


class OutputTarget(Struct, frozen=True):
    """A format that was asked for, and the file that it goes to: None is stdout. A data set goes to a `folder`."""

    format: Format[EscapedOutput]
    path: Path | None
    folder: str = ""


class Ending(Struct, frozen=True):
    """What makes a command that judges fail."""

    fail_on: opt.Level
    exit_zero: bool
    allow_incomplete: bool


class Look(Struct, frozen=True):
    """How a report looks where a person reads it."""

    color: opt.Color
    is_verbose: bool
    has_pager: bool
    has_progress: bool = True


class Presentation(Struct, frozen=True):
    """How a report is shown and what makes the command fail."""

    targets: Sequence[OutputTarget]
    ends: Ending
    include_passed: bool | None
    look: Look
    quiet: bool
    style: formats.Style
    grouping: formats.Grouping


def evaluate(
    sources: opt.Sources,
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    exemptions: opt.Exemptions = None,
    known: opt.Known = None,
    select: opt.Select = None,
    ignore: opt.Ignore = None,
    assignments: opt.Set = None,
    complete: opt.Complete = False,
    framework: opt.Framework = None,
    output: opt.Output = None,
    csv_delimiter: opt.CsvDelimiter = opt.Delimiter.COMMA,
    csv_bom: opt.CsvBom = False,
    json_version: opt.JsonVersion = opt.DEFAULT_JSON_VERSION,
    group_by: opt.GroupedBy = GroupBy.CAUSE,
    top: opt.Top = None,
    compact: opt.Compact = False,
    fail_on: opt.FailOn = opt.Level.LOW,
    exit_zero: opt.ExitZero = False,
    allow_incomplete: opt.AllowIncomplete = False,
    include_passed: opt.IncludePassed = None,
    as_of: opt.AsOf = None,
    history: opt.History = None,
    notify: opt.Notify = None,
    notify_format: opt.NotifyFormat = opt.DEFAULT_NOTIFY_FORMAT,
    notify_set: opt.NotifySet = None,
    notify_dry_run: opt.NotifyDryRun = False,
    processes: opt.Processes = opt.AUTO,
    dask: opt.Dask = None,
    answers: opt.Answers = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = 0,
    color: opt.Colors = opt.Color.AUTO,
    no_pager: opt.NoPager = False,
    no_progress: opt.NoProgress = False,
) -> None:
    """Judge snapshots and foreign exports, offline and without credentials.

    Each INPUT is told apart by content, plain or compressed: a snapshot of ours, what Azure Resource Manager, Resource
    Graph, `az … list`, `az … show` and PowerShell print as JSON, one document or one a line, or a folder of such files.
    Several are one estate. What they do not hold is not known, unless they are the whole truth (--complete).
    """
    shown = Presentation(
        targets=targets(output, [*sources, *(exemptions or ()), known], answers),
        ends=Ending(fail_on, exit_zero=exit_zero, allow_incomplete=allow_incomplete),
        include_passed=include_passed,
        look=Look(color, is_verbose=verbose > 0, has_pager=not no_pager, has_progress=not no_progress),
        quiet=quiet,
        style=opt.style(csv_delimiter, json_version, has_bom=csv_bom),
        grouping=formats.Grouping(group_by, top, compact),
    )
    globs, accepted, how = (select, ignore), (exemptions, known), (processes, answers)
    judged = judging(sources, baseline, rules, assignments, globs, accepted, framework, how)
    after = follow_up.asked(history, known, (notify, notify_format, notify_set), is_rehearsal=notify_dry_run)
    with _cluster(dask, answers) as cluster:
        run(replace(judged, cluster=cluster), as_of, shown, after, complete=complete)


def _cluster(dask: str | None, answers: Path | None) -> AbstractContextManager[audit.Cluster | None]:
    if dask and answers:
        raise AuditorError("evaluate takes one of --answers and --dask", "what workers find is not kept")
    return nullcontext() if dask is None else clusters.connected(dask)


class SampleEstate(StrEnum):
    """The estates that ship with the tool; each is the file of its name."""

    CHAT = "chat"
    LANDING_ZONE = "landing-zone"


def demo(
    estate: Annotated[
        SampleEstate,
        typer.Option(help="A chat application, or a hub with a firewall and three spokes."),
    ] = SampleEstate.CHAT,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the estate to a file, to ask about it, and judge nothing."),
    ] = None,
    framework: opt.Framework = None,
    output: opt.Output = None,
    csv_delimiter: opt.CsvDelimiter = opt.Delimiter.COMMA,
    csv_bom: opt.CsvBom = False,
    json_version: opt.JsonVersion = opt.DEFAULT_JSON_VERSION,
    group_by: opt.GroupedBy = GroupBy.CAUSE,
    top: opt.Top = None,
    compact: opt.Compact = False,
    include_passed: opt.IncludePassed = None,
    verbose: opt.Verbose = 0,
    color: opt.Colors = opt.Color.AUTO,
    no_pager: opt.NoPager = False,
    quiet: opt.Quiet = False,
) -> None:
    """Judge a sample estate that ships with the tool; no Azure account is needed.

    The samples are made up, with the mistakes that are common in real estates. Exits 0 although it fails.
    """
    sample = shipped.folder("samples") / f"{estate.value}.json"
    if save is not None:
        streams.check_writable(save)
        with streams.output(save, pipeline_log.IN_JSON) as out:
            out.write(sample.read_text(encoding="utf-8"))
        return
    shown = Presentation(
        targets=targets(output),
        ends=Ending(opt.Level.LOW, exit_zero=True, allow_incomplete=True),
        include_passed=include_passed,
        look=Look(color, is_verbose=verbose > 0, has_pager=not no_pager),
        quiet=quiet,
        style=opt.style(csv_delimiter, json_version, has_bom=csv_bom),
        grouping=formats.Grouping(group_by, top, compact),
    )
    run(
        JudgingOptions([str(sample)], in_force.Selection(opt.DEFAULT_BASELINE), framework=framework),
        None,
        shown,
        follow_up.FollowUp(),
        complete=True,
    )


class JudgingOptions(Struct, frozen=True):
    """What is judged, and by what."""

    sources: Sequence[str]
    selection: in_force.Selection
    exemptions: Sequence[Path] = ()
    framework: str | None = None
    known: Path | None = None
    processes: int = opt.AUTO
    cluster: audit.Cluster | None = None
    answers: Path | None = None


def judging(
    sources: Sequence[str],
    baseline: str,
    rules: list[Path] | None,
    assignments: list[str] | None,
    globs: tuple[list[str] | None, list[str] | None],
    accepted: tuple[list[Path] | None, Path | None],
    framework: str | None,
    how: tuple[int, Path | None] = (opt.AUTO, None),
) -> JudgingOptions:
    """Return what is judged, and by what.

    `globs` are the rules that are wanted, and those that are not; `accepted` the exemptions and the known failures; `how`
    is by how many processes, and the file in which answers are kept.
    """
    (select, ignore), (exemptions, known) = globs, accepted
    selection = in_force.Selection(baseline, rules or (), assignments or (), select or (), ignore or ())
    processes, answers = how
    return JudgingOptions(sources, selection, exemptions or (), framework, known, processes, answers=answers)


def run(
    options: JudgingOptions, as_of: str | None, shown: Presentation, after: follow_up.FollowUp, *, complete: bool
) -> None:
    """Judge an input, write the reports, do what follows, and end with the exit code."""
    # modules, rows and rules stay until the process ends
    snapshot, rule_set = collector.paused(lambda: _given(options))
    terms = audit.Terms(
        complete=complete,
        as_of=opt.time_of(as_of),
        exemption_files=options.exemptions,
        explain_passes=any(target.format.explains(include_passed=shown.include_passed) for target in shown.targets),
        framework=rule_set.framework(options.framework) if options.framework else None,
        known=known_files.read(options.known) if options.known else None,
        draw=any(target.format.draws for target in shown.targets),
        processes=options.processes,
        cluster=options.cluster,
        answers=options.answers,
    )
    with judging_progress.shown(quiet=shown.quiet or not shown.look.has_progress) as watch:
        told = streams.unheard if shown.quiet else streams.remark
        audited = audit.audit(
            snapshot, rule_set, replace(terms, watch=watch, tell=lambda text: told(f"auditor: {text}"))
        )
    with follow_up.followed(after, audited, shown.ends.fail_on, quiet=shown.quiet) as report:
        write(report, shown, cores.processes_for(options.processes, report.resources))
    if not shown.quiet and not any(target.format.shows_notices for target in shown.targets):
        for notice in report.notices if shown.look.is_verbose else summary.few_alike(report.notices):
            streams.remark(f"note: {notice}")
    code = exit_code(report, shown)
    is_told = any(target.path is None and target.format.ends_with_outcome for target in shown.targets)
    if code == NO_ANSWER and not shown.quiet and not is_told:
        streams.remark(f"auditor: exit code 2: {outcome.why_not_trusted(report) or ''}")
    raise typer.Exit(code)


def _given(options: JudgingOptions) -> tuple[snapshots.Snapshot, in_force.RuleSet]:
    """Return what is judged, and by what, read."""
    is_near = not any(map(read.is_location, options.sources))
    snapshot = read.read(*options.sources) if is_near else remote.read_all(options.sources)
    return snapshot, in_force.load(audit.chosen(snapshot, options.selection))


def check_content(options: JudgingOptions) -> in_force.RuleSet | None:
    """Refuse, before any work, a wrong baseline, rule or exemption file; return the rules where they are known by now."""
    if options.selection.baseline == recognition.AUTO:  # which one that is only the estate tells
        return None
    rule_set = in_force.load(options.selection)
    if options.framework:
        rule_set.framework(options.framework)
    for path in options.exemptions:
        exemptions.load(path, rule_set.rules)
    if options.known:
        known_files.read(options.known)
    return rule_set


def targets(
    outputs: Sequence[str] | None, read: Iterable[str | Path | None] = (), *beside: Path | None
) -> Sequence[OutputTarget]:
    """Read `--output`; refuse, before any work, formats that do not exist and files that cannot be written.

    Nor may they be files that are `read`, nor those that are written `beside` them.
    """
    found = [_target(text) for text in outputs or [opt.DEFAULT_FORMAT]]
    for path in filter(None, beside):
        streams.check_writable(path)
    written = (*(target.path for target in found), *beside)
    streams.check_apart((path for path in written if path), (source for source in read if source))
    return found if any(not target.folder for target in found) else [_target(opt.DEFAULT_FORMAT), *found]


def _target(text: str) -> OutputTarget:
    name, _, path = text.partition("=")
    if name.lower() == formats.DATA_SET:
        data_set.check(path)
        return OutputTarget(data_set.FORMAT, None, path)
    if name.lower() not in formats.NAMES:
        known = sorted([*formats.NAMES, formats.DATA_SET])
        raise AuditorError(f"--output {text}: there is no format '{name}'", f"known: {', '.join(known)}")
    if path:
        streams.check_writable(Path(path))
    chosen = formats.named(name.lower())
    if chosen.is_binary and not path and streams.is_terminal():
        raise AuditorError(f"--output {text}: is no text for a terminal", f"name a file: --output {text}=report.{name}")
    return OutputTarget(chosen, Path(path) if path else None)


def write(report: Report, shown: Presentation, processes: int = 1) -> None:
    """Write a report in each format asked for; where one cannot be written, the others are all the same."""
    problems: list[AuditorError] = []
    for target in shown.targets:
        view = formats.View(
            include_passed=target.format.listing(include_passed=shown.include_passed),
            width=streams.width(),
            verbose=shown.look.is_verbose,
            style=shown.style,
            color=target.path is None and streams.wants_color(shown.look.color.value),
            is_for_person=target.path is None and streams.is_terminal(),
            grouping=shown.grouping,
            processes=processes,
        )
        try:
            if target.folder:
                data_set.write(report, target.folder, view)
                continue
            with _opened(target, has_pager=shown.look.has_pager) as out:
                target.format.write(report, out, view)
            _add_to_summary(report, target.format, view)
        except AuditorError as problem:
            problems.append(problem)
    if problems:
        raise problems[0]


def _opened(target: OutputTarget, *, has_pager: bool) -> AbstractContextManager[TextIO]:
    if target.path is None:
        return streams.shown(target.format.hash_sign, has_pager=has_pager and not target.format.is_binary)
    return streams.output(target.path, target.format.hash_sign)


def _add_to_summary(report: Report, chosen: Format[EscapedOutput], view: formats.View) -> None:
    """Add Markdown to the file in which a pipeline gathers what people are shown, where it names one for the format."""
    path = os.environ.get(chosen.summary_variable or "")
    if path:
        markdown = formats.named("markdown")
        with streams.appended(Path(path), markdown.hash_sign) as out:
            markdown.write(report, out, replace(view, include_passed=markdown.listing(include_passed=None)))


def exit_code(report: Report, shown: Presentation) -> int:
    """Return 2 where the answer cannot be trusted as it is, 1 where it has failures that count, else 0."""
    if outcome.judged_nothing(report) or (not shown.ends.allow_incomplete and outcome.why_not_trusted(report)):
        return NO_ANSWER
    failed = any(follow_up.counts(finding, shown.ends.fail_on) for finding in report.findings)
    return FAILURES if failed and not shown.ends.exit_zero else 0


def explain(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The rule's id.")],
    resource_id: Annotated[str, typer.Argument(metavar="RESOURCE_ID", help="The id in the finding, or its last part.")],
    sources: Annotated[
        list[str], typer.Option("--input", metavar="INPUT", help="The snapshot or export; - for stdin (repeatable).")
    ],
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    assignments: opt.Set = None,
    complete: opt.Complete = False,
    as_of: opt.AsOf = None,
) -> None:
    """Say why: every leaf of a rule on one resource, with what was expected and what is there."""
    snapshot = read.read(*sources)
    rule_set = in_force.load(audit.chosen(snapshot, in_force.Selection(baseline, rules or (), assignments or ())))
    if rule not in rule_set.rules:
        raise AuditorError(f"there is no rule '{rule}'", retired.hint(rule, rule_set.rules))
    only = replace(rule_set, in_force=[each for each in rule_set.in_force if each.id == rule])
    if not only.in_force:
        raise AuditorError(f"rule '{rule}' is not in force in baseline {rule_set.baseline.name}")
    report = audit.audit(snapshot, only, audit.Terms(complete=complete, as_of=opt.time_of(as_of)))
    findings = explanation.about(report, resource_id)
    if not findings:
        ids = sorted({finding.resource_id for finding in report.findings if finding.resource_id})
        hint = f"it judged: {', '.join(ids[:5])}" + (" …" if len(ids) > 5 else "") if ids else "it met no resource"
        raise AuditorError(f"rule '{rule}' has no finding on '{resource_id}'", hint)
    with streams.output(None) as out:
        explanation.write(report.rules[rule], findings, out, width=streams.width())
