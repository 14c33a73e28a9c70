"""The commands that read Azure: collect, scan."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec import Struct
from msgspec.structs import replace

from auditor.cli import evaluate, follow_up, progress, streams
from auditor.cli import options as opt
from auditor.cli.context import NO_ANSWER
from auditor.cli.help_page import GroupedCommand, examples
from auditor.collect.arm.clouds import CLOUDS
from auditor.collect.options import Auth, CloudName, CollectOptions
from auditor.collect.scope import CollectScope
from auditor.errors import AuditorError, CollectionError, Interrupted
from auditor.lazy_imports import lazy_imports
from auditor.report import format as formats
from auditor.report.group_by import GroupBy

with lazy_imports(__name__):
    from auditor.collect import run as collection
    from auditor.collect import sink as sinks
    from auditor.engine.coverage import needs
    from auditor.estate import navigation
    from auditor.redaction import marks
    from auditor.rulebook import in_force
    from auditor.snapshot import left_out, lock, whole_file, writer
    from auditor.snapshot import model as snapshots


Subscription = Annotated[
    list[str] | None,
    typer.Option(
        "--subscription", "-s", metavar="ID_OR_NAME", envvar="AUDITOR_SUBSCRIPTION", help="Only these (repeatable)."
    ),
]
ResourceGroup = Annotated[
    list[str] | None,
    typer.Option(
        "--resource-group", "-g", metavar="NAME", envvar="AUDITOR_RESOURCE_GROUP", help="Only these (repeatable)."
    ),
]
ManagementGroup = Annotated[
    list[str] | None,
    typer.Option(
        "--management-group", "-m", metavar="ID", envvar="AUDITOR_MANAGEMENT_GROUP", help="All below it (repeatable)."
    ),
]
Tag = Annotated[
    list[str] | None,
    typer.Option(
        "--tag", metavar="NAME=VALUE", envvar="AUDITOR_TAG", help="Only what carries all of these (repeatable)."
    ),
]
Tenant = Annotated[
    str | None, typer.Option("--tenant", metavar="ID", envvar="AUDITOR_TENANT", help="The Entra tenant.")
]
Cloud = Annotated[CloudName, typer.Option("--cloud", envvar="AUDITOR_CLOUD", help="The Azure cloud.")]
ArmEndpoint = Annotated[
    str | None,
    typer.Option(
        "--arm-endpoint", metavar="URL", envvar="AUDITOR_ARM_ENDPOINT", help="Resource Manager of a private cloud."
    ),
]
AllowEndpoint = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-endpoint",
        metavar="HOST",
        envvar="AUDITOR_ALLOW_ENDPOINT",
        help="A host that --arm-endpoint may send tokens to (repeatable).",
    ),
]
SignIn = Annotated[
    Auth,
    typer.Option(
        "--auth", envvar="AUDITOR_AUTH", help="Who signs in; auto tries environment, identity, Azure CLI in turn."
    ),
]
ResolvePrincipals = Annotated[
    bool,
    typer.Option(
        "--resolve-principals", envvar="AUDITOR_RESOLVE_PRINCIPALS", help="Read names of principals from Graph."
    ),
]
KeptSnapshot = Annotated[
    Path | None,
    typer.Option(
        "--snapshot",
        metavar="FILE",
        envvar="AUDITOR_SNAPSHOT",
        help="Keep the snapshot here (default: it is deleted).",
    ),
]
Resume = Annotated[
    Path | None,
    typer.Option("--resume", metavar="SNAPSHOT", help="Go on with an interrupted collection of this file."),
]
RedactPeople = Annotated[
    bool,
    typer.Option("--redact-people", envvar="AUDITOR_REDACT_PEOPLE", help="Store no e-mail addresses of people."),
]
Everything = Annotated[
    bool,
    typer.Option(
        "--everything",
        envvar="AUDITOR_EVERYTHING",
        help="Read all that the tool can read, not only what the rules in force need.",
    ),
]
OnlyFor = Annotated[
    str | None,
    typer.Option(
        "--only-for",
        metavar="BASELINE",
        envvar="AUDITOR_ONLY_FOR",
        help="Read only what judging by this baseline needs (default: all that the tool can read).",
    ),
]


_SCAN: Final = examples(
    "auditor scan",
    "auditor scan -s Production -o csv=findings.csv",
    "auditor scan -m platform --snapshot estate.snapshot --fail-on high",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(cls=GroupedCommand, epilog=_SCAN)(scan)
    app.command(cls=GroupedCommand, epilog=examples("auditor collect -s Production -o estate.snapshot"))(collect)


class _Request(Struct, frozen=True):
    scope: CollectScope
    options: CollectOptions
    quiet: bool
    no_progress: bool


class _Target(Struct, frozen=True):
    """Where a collection goes, and the command that goes on with it; None where nothing of it is kept."""

    path: Path
    command: str | None
    is_resumed: bool
    is_replaced: bool

    @property
    def way_on(self) -> str:
        """Return how to go on with what was collected so far."""
        return f"go on with: auditor {self.command} --resume {shlex.quote(str(self.path))}"


def _kept(snapshot: Path | None, resume: Path | None) -> Path | None:
    """Return the snapshot that a scan leaves behind, or None where it leaves none."""
    if snapshot is not None and resume is not None:
        raise AuditorError("scan takes one of --snapshot and --resume", "a resumed scan keeps its snapshot")
    return resume or snapshot


def scan(
    subscription: Subscription = None,
    resource_group: ResourceGroup = None,
    management_group: ManagementGroup = None,
    tag: Tag = None,
    tenant: Tenant = None,
    cloud: Cloud = CloudName.PUBLIC,
    arm_endpoint: ArmEndpoint = None,
    allow_endpoint: AllowEndpoint = None,
    auth: SignIn = Auth.AUTO,
    resolve_principals: ResolvePrincipals = False,
    redact_people: RedactPeople = False,
    redaction_key: opt.RedactionKey = None,
    everything: Everything = False,
    snapshot: KeptSnapshot = None,
    resume: Resume = None,
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    exemptions: opt.Exemptions = None,
    known: opt.Known = None,
    select: opt.Select = None,
    ignore: opt.Ignore = None,
    assignments: opt.Set = None,
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
    answers: opt.Answers = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = 0,
    color: opt.Colors = opt.Color.AUTO,
    no_pager: opt.NoPager = False,
    no_progress: opt.NoProgress = False,
) -> None:
    """Read Azure, every subscription unless a scope is given, and judge what is there. Nothing is ever written to it."""
    read = _options(auth, cloud, arm_endpoint, allow_endpoint, resolve_principals, redact_people, redaction_key, rules)
    look, ends = (color, verbose > 0, not no_pager, not no_progress), (fail_on, exit_zero, allow_incomplete)
    form = opt.style(csv_delimiter, json_version, has_bom=csv_bom), formats.Grouping(group_by, top, compact)
    targets, how = evaluate.targets(output, [*(exemptions or ()), known], snapshot, answers), (processes, answers)
    shown = evaluate.Presentation(targets, evaluate.Ending(*ends), include_passed, evaluate.Look(*look), quiet, *form)
    asked = evaluate.judging([], baseline, rules, assignments, (select, ignore), (exemptions, known), framework, how)
    after = follow_up.asked(history, known, (notify, notify_format, notify_set), is_rehearsal=notify_dry_run)
    request = _Request(_scope(tenant, management_group, subscription, resource_group, tag), read, quiet, no_progress)
    with _collected(request, asked, as_of, (snapshot, resume), everything=everything) as path:
        evaluate.run(replace(asked, sources=[str(path)]), as_of, shown, after, complete=False)


@contextmanager
def _collected(
    request: _Request,
    judging: evaluate.JudgingOptions,
    as_of: str | None,
    files: tuple[Path | None, Path | None],
    *,
    everything: bool,
) -> Iterator[Path]:
    """Collect, once all is right that judging needs, into a snapshot that is kept, or that is there only while it is judged.

    `files` are the snapshot to keep, and the one to go on with.
    """
    kept, resume = _kept(*files), files[1]
    opt.time_of(as_of)
    rules = evaluate.check_content(judging)
    if rules is not None and not everything:
        request = replace(request, options=replace(request.options, needs=needs.needs_of(rules)))
    with whole_file.scratch_folder() as folder:
        path = kept or folder / "scan.snapshot"
        _collect(request, _Target(path, "scan" if kept else None, is_resumed=resume is not None, is_replaced=True))
        yield path


def collect(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="SNAPSHOT", help="The snapshot file to write.")
    ] = None,
    subscription: Subscription = None,
    resource_group: ResourceGroup = None,
    management_group: ManagementGroup = None,
    tag: Tag = None,
    tenant: Tenant = None,
    cloud: Cloud = CloudName.PUBLIC,
    arm_endpoint: ArmEndpoint = None,
    allow_endpoint: AllowEndpoint = None,
    auth: SignIn = Auth.AUTO,
    resolve_principals: ResolvePrincipals = False,
    redact_people: RedactPeople = False,
    redaction_key: opt.RedactionKey = None,
    rules: opt.Rules = None,
    everything: Everything = False,
    only_for: OnlyFor = None,
    resume: Resume = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", envvar="AUDITOR_FORCE", help="Replace a snapshot, or what an interrupted collection left of one."
        ),
    ] = False,
    preflight: Annotated[
        bool, typer.Option("--preflight", help="Only say what the identity may not read, or may do beyond reading.")
    ] = False,
    quiet: opt.Quiet = False,
    no_progress: opt.NoProgress = False,
) -> None:
    """Read Azure into a snapshot file, to be judged later or elsewhere. Strictly read-only.

    The file is there once all is read, and whole; until then the collection grows beside it, can be resumed after any
    end, and no other may collect into the same file.
    Exits 2 where something in scope could not be read; the snapshot is whole but for the gaps it names.
    It holds all that the tool can read, so that any baseline may judge it, unless --only-for names one.
    """
    scope = _scope(tenant, management_group, subscription, resource_group, tag)
    read = _options(auth, cloud, arm_endpoint, allow_endpoint, resolve_principals, redact_people, redaction_key, rules)
    read = replace(read, needs=_needs(only_for, rules, everything=everything))
    request = _Request(scope, read, quiet, no_progress)
    if preflight:
        _preflight(request)
        return
    if (output is None) == (resume is None):
        raise AuditorError(
            "collect needs one of --output, --resume and --preflight", "auditor collect -o estate.snapshot"
        )
    path = output or resume or Path()
    summary = _collect(request, _Target(path, "collect", is_resumed=resume is not None, is_replaced=force))
    raise typer.Exit(NO_ANSWER if summary.gaps else 0)


def _needs(only_for: str | None, rules: Sequence[Path] | None, *, everything: bool) -> needs.Needs | None:
    """Return what a snapshot for judging by a baseline alone must hold, or None where any may judge it."""
    if everything and only_for is not None:
        raise AuditorError("collect takes one of --everything and --only-for")
    return None if only_for is None else needs.needs_of(in_force.load(in_force.Selection(only_for, rules or ())))


def _scope(
    tenant: str | None,
    management_groups: list[str] | None,
    subscriptions: list[str] | None,
    resource_groups: list[str] | None,
    tags: list[str] | None,
) -> CollectScope:
    pairs = {}
    for text in tags or []:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise AuditorError(f"--tag {text}: write NAME=VALUE")
        pairs[name] = value
    return CollectScope(tenant, management_groups or [], subscriptions or [], resource_groups or [], pairs)


def _options(
    auth: Auth,
    cloud: CloudName,
    arm: str | None,
    allowed: list[str] | None,
    resolve: bool,
    redact: bool,
    key: str | None,
    rules: Sequence[Path] | None,
) -> CollectOptions:
    return CollectOptions(
        auth=auth,
        cloud=cloud,
        arm_endpoint=arm,
        allow_endpoints=allowed or (),
        resolve_principals=resolve,
        redact_people=redact,
        redaction_key=marks.key_of(key),
        catalogue=in_force.catalogue(rules) if rules else None,  # with the types that folders of rules bring along
    )


def _collect(request: _Request, target: _Target) -> collection.CollectionSummary:
    """Collect where one process at a time may; whatever ends it early says what is kept and how to go on."""
    streams.check_writable(target.path)
    with lock.collecting(target.path):
        if target.is_resumed:
            begun = writer.SnapshotWriter.resume(target.path, navigation.derive)
            begun_as = begun.metadata.scope
            options = replace(request.options, as_begun=left_out.calls_in(begun_as))
            stored = replace(request, scope=CollectScope.from_json(begun_as), options=options)
            return _run(stored, target, lambda _: begun)
        _make_room(request, target)
        return _run(request, target, lambda metadata: writer.SnapshotWriter(target.path, metadata, navigation.derive))


def _make_room(request: _Request, target: _Target) -> None:
    """Refuse to destroy unasked what an earlier collection made or left; a scan goes on whatever a killed scan left."""
    label, partial = target.path, writer.partial_of(target.path)
    if not target.is_replaced and target.path.exists():
        raise AuditorError(
            f"{label} is there already",
            "choose another path, or replace it with --force once the new snapshot is whole",
        )
    if partial.exists() and not target.is_replaced:
        raise AuditorError(
            f"{partial} is left from an interrupted collection", f"{target.way_on}, or --force starts anew"
        )
    if partial.exists():
        if not request.quiet:
            streams.remark(f"note: {partial} was left by an interrupted collection and is replaced")
        writer.discard(target.path)


def _run(
    request: _Request, target: _Target, open_sink: Callable[[snapshots.Metadata], sinks.Sink]
) -> collection.CollectionSummary:
    _say_endpoint(request)
    watch = progress.Memory(progress.display(quiet=request.quiet or request.no_progress))
    announce = None if request.quiet else progress.say_identity
    try:
        summary = collection.collect(request.scope, request.options, open_sink, watch, announce)
    except KeyboardInterrupt as problem:
        raise _interrupted(target, watch.resources) from problem
    except AuditorError as problem:
        if target.command is None or not writer.partial_of(target.path).exists():
            raise
        hint = "; ".join(filter(None, [problem.hint, f"what was read is kept, {target.way_on}"]))
        raise CollectionError(problem.message, hint, problem.reasons) from problem
    if not request.quiet:
        progress.say_summary(summary)
    return summary


def _interrupted(target: _Target, resources: int) -> Interrupted:
    if target.command is None:
        return Interrupted(
            f"interrupted after {resources:,} resources; nothing is kept", "with --snapshot FILE it can be"
        )
    if not writer.partial_of(target.path).exists():
        return Interrupted("interrupted before anything was read")
    return Interrupted(f"interrupted after {resources:,} resources, which are kept", target.way_on)


def _say_endpoint(request: _Request) -> None:
    """Say before signing in where the token goes."""
    if not request.quiet:
        progress.say_endpoint(request.options.arm_endpoint or CLOUDS[request.options.cloud].arm)


def _preflight(request: _Request) -> None:

    _say_endpoint(request)
    checked = collection.preflight(request.scope, request.options)
    with streams.output(None) as out:
        out.writelines(line + "\n" for line in progress.preflight_lines(checked))
    raise typer.Exit(0 if checked.is_sufficient else NO_ANSWER)
