"""The commands that read Azure: collect, scan."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli import evaluate, progress, streams
from auditor.cli import options as opt
from auditor.cli.context import NO_ANSWER
from auditor.cli.lazy_imports import lazy_imports
from auditor.collect.arm.clouds import CLOUDS
from auditor.collect.options import Auth, CloudName, CollectOptions
from auditor.collect.scope import CollectScope
from auditor.errors import AuditorError

with lazy_imports(__name__):
    from auditor.collect import run as collection
    from auditor.collect import sink as sinks
    from auditor.estate import navigation
    from auditor.redaction import marks
    from auditor.rulebook import in_force
    from auditor.snapshot import model as snapshots
    from auditor.snapshot import writer


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
RedactPeople = Annotated[
    bool,
    typer.Option("--redact-people", envvar="AUDITOR_REDACT_PEOPLE", help="Store no e-mail addresses of people."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(scan)
    app.command()(collect)


@dataclass(frozen=True, slots=True)
class _Request:
    scope: CollectScope
    options: CollectOptions
    quiet: bool
    no_progress: bool


def scan(
    subscription: Subscription = None,
    resource_group: ResourceGroup = None,
    management_group: ManagementGroup = None,
    tag: Tag = None,
    tenant: Tenant = None,
    cloud: Cloud = CloudName.PUBLIC,
    arm_endpoint: ArmEndpoint = None,
    auth: SignIn = Auth.AUTO,
    resolve_principals: ResolvePrincipals = False,
    redact_people: RedactPeople = False,
    redaction_key: opt.RedactionKey = None,
    snapshot: KeptSnapshot = None,
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    exemptions: opt.Exemptions = None,
    select: opt.Select = None,
    ignore: opt.Ignore = None,
    assignments: opt.Set = None,
    framework: opt.Framework = None,
    output: opt.Output = None,
    fail_on: opt.FailOn = opt.Level.LOW,
    exit_zero: opt.ExitZero = False,
    allow_incomplete: opt.AllowIncomplete = False,
    include_passed: opt.IncludePassed = None,
    as_of: opt.AsOf = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = 0,
    color: opt.Colors = opt.Color.AUTO,
    no_progress: opt.NoProgress = False,
) -> None:
    """Read Azure and judge what is there: collect and evaluate in one go.

    Without scope options, every subscription that the identity can read. Strictly read-only: nothing is ever written.
    """
    scope = _scope(tenant, management_group, subscription, resource_group, tag)
    options = _with_types(_options(auth, cloud, arm_endpoint, resolve_principals, redact_people, redaction_key), rules)
    shown = evaluate.Presentation(
        targets=evaluate.targets(output),
        fail_on=fail_on,
        exit_zero=exit_zero,
        allow_incomplete=allow_incomplete,
        include_passed=include_passed,
        verbose=verbose > 0,
        color=color,
        quiet=quiet,
    )
    opt.time_of(as_of)
    request = _Request(scope, options, quiet, no_progress)
    with tempfile.TemporaryDirectory(prefix="auditor-") as folder:
        path = snapshot or Path(folder) / "scan.snapshot"
        selection = in_force.Selection(baseline, rules or (), assignments or (), select or (), ignore or ())
        judging = evaluate.JudgingOptions([str(path)], selection, exemptions or (), framework)
        evaluate.check_content(judging)
        _collect(request, path)
        evaluate.run(judging, as_of, shown, complete=False)


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
    auth: SignIn = Auth.AUTO,
    resolve_principals: ResolvePrincipals = False,
    redact_people: RedactPeople = False,
    redaction_key: opt.RedactionKey = None,
    rules: opt.Rules = None,
    resume: Annotated[
        Path | None,
        typer.Option("--resume", metavar="SNAPSHOT", help="Go on with an interrupted collection of this file."),
    ] = None,
    preflight: Annotated[
        bool, typer.Option("--preflight", help="Only say what the identity may not read, or may do beyond reading.")
    ] = False,
    quiet: opt.Quiet = False,
    no_progress: opt.NoProgress = False,
) -> None:
    """Read Azure into a snapshot file, to be judged later or elsewhere. Strictly read-only.

    Exits 2 where something in scope could not be read; the snapshot is whole but for the gaps it names.
    """
    scope = _scope(tenant, management_group, subscription, resource_group, tag)
    options = _with_types(_options(auth, cloud, arm_endpoint, resolve_principals, redact_people, redaction_key), rules)
    request = _Request(scope, options, quiet, no_progress)
    if preflight:
        _preflight(request)
        return
    if (output is None) == (resume is None):
        raise AuditorError(
            "collect needs one of --output, --resume and --preflight", "auditor collect -o estate.snapshot"
        )
    summary = _collect(request, output) if output else _resume(request, resume or Path())
    raise typer.Exit(NO_ANSWER if summary.gaps else 0)


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


def _with_types(options: CollectOptions, folders: Sequence[Path] | None) -> CollectOptions:
    """Return the options with the types that folders of rules bring along."""
    return replace(options, catalogue=in_force.catalogue(folders)) if folders else options


def _options(
    auth: Auth, cloud: CloudName, endpoint: str | None, resolve: bool, redact: bool, key: str | None
) -> CollectOptions:
    return CollectOptions(
        auth=auth,
        cloud=cloud,
        arm_endpoint=endpoint,
        resolve_principals=resolve,
        redact_people=redact,
        redaction_key=marks.key_of(key),
    )


def _collect(request: _Request, path: Path) -> collection.CollectionSummary:
    streams.check_writable(path)
    return _run(request, lambda metadata: writer.SnapshotWriter(path, metadata, navigation.derive))


def _resume(request: _Request, path: Path) -> collection.CollectionSummary:
    begun = writer.SnapshotWriter.resume(path, navigation.derive)
    stored = CollectScope.from_json(begun.metadata.scope)
    return _run(_Request(stored, request.options, request.quiet, request.no_progress), lambda _: begun)


def _run(request: _Request, open_sink: Callable[[snapshots.Metadata], sinks.Sink]) -> collection.CollectionSummary:
    _say_endpoint(request)
    with progress.display(quiet=request.quiet or request.no_progress) as watch:
        announce = None if request.quiet else progress.say_identity
        summary = collection.collect(request.scope, request.options, open_sink, watch, announce)
    if not request.quiet:
        progress.say_summary(summary)
    return summary


def _say_endpoint(request: _Request) -> None:
    """Say before signing in where the token goes, unless that is where everybody's goes."""
    endpoint = request.options.arm_endpoint or CLOUDS[request.options.cloud].arm
    if endpoint != CLOUDS[CloudName.PUBLIC].arm and not request.quiet:
        progress.say_endpoint(endpoint)


def _preflight(request: _Request) -> None:

    _say_endpoint(request)
    checked = collection.preflight(request.scope, request.options)
    with streams.output(None) as out:
        out.writelines(line + "\n" for line in progress.preflight_lines(checked))
    sys.stdout.flush()
    raise typer.Exit(0 if checked.is_sufficient else NO_ANSWER)
