"""The commands that answer questions about access: who-can, what-can, suggest."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auditor.cli import options as opt
from auditor.cli import streams
from auditor.errors import InputError

if TYPE_CHECKING:  # the engine is imported on use, to keep --help quick
    from auditor.analysis.access.access_context import AccessContext
    from auditor.rbac.assignments import Role
    from auditor.report.access_answers import Sheet

NO_ANSWER = 2

app = typer.Typer(
    help="Ask who may do what, decided on what roles permit.",
    epilog="Exit codes: 0 answered; 2 no trustworthy answer: something that could change it is not known.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


_Source = Annotated[str, typer.Argument(metavar="INPUT", help="A snapshot or export of resources; - for stdin.")]
_Principal = Annotated[
    str,
    typer.Argument(
        metavar="PRINCIPAL",
        help="A principal id, the name or id of an identity, a resource's id, or a component's name.",
    ),
]
_Format = Annotated[Format, typer.Option("--output", "-o", metavar="FORMAT", help="table, json or csv.")]


@dataclass(frozen=True, slots=True)
class _Given:
    """What every question is asked of."""

    source: str
    baseline: str
    assignments: Sequence[str]
    complete: bool
    as_of: str | None
    allow_incomplete: bool


@app.command("who-can")
def who_can(
    action: Annotated[
        str,
        typer.Argument(
            metavar="ACTION",
            help="An operation as roles spell it; 'data:' or 'control:' before it names the plane if roles do not tell.",
        ),
    ],
    source: _Source,
    on: Annotated[str, typer.Option("--on", metavar="RESOURCE_ID", help="The resource or scope, or its last part.")],
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    assignments: opt.Set = None,
    complete: opt.Complete = False,
    output: _Format = Format.TABLE,
    allow_incomplete: opt.AllowIncomplete = False,
    as_of: opt.AsOf = None,
) -> None:
    """List who can do something to a resource, and the assignments that let them."""
    from auditor.rbac import arguments, queries  # noqa: PLC0415 - the engine is imported on use
    from auditor.report import access_records  # noqa: PLC0415 - the engine is imported on use
    from auditor.report.access_answers import Sheet  # noqa: PLC0415

    plane, operation = arguments.operation(action)
    given = _Given(source, baseline, assignments or [], complete, as_of, allow_incomplete)
    access = _read(given)
    scope, known = arguments.scope(access.graph, on), access.table.roles.values()
    answer = queries.who_can(access.graph, operation, scope, plane, known)
    sheet = Sheet(
        title=f"Who can {answer.operation} ({answer.plane.value} plane) on {answer.resource_id}",
        asked={"operation": answer.operation, "plane": answer.plane.value, "resource": answer.resource_id},
        columns=access_records.WHO_COLUMNS,
        shown=("answer", "name", "principal_type", "state", "roles", "scopes", "reasons"),
        records=access_records.who_records(answer),
        unknowns=answer.unknowns,
        nothing="nobody",
    )
    _tell(sheet, output, whole=answer.is_whole or allow_incomplete)


@app.command("what-can")
def what_can(
    principal: _Principal,
    source: _Source,
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    assignments: opt.Set = None,
    complete: opt.Complete = False,
    output: _Format = Format.TABLE,
    allow_incomplete: opt.AllowIncomplete = False,
    as_of: opt.AsOf = None,
) -> None:
    """List what a principal can do and where, by which assignments, and what of it is dangerous."""
    from auditor.rbac import arguments, queries  # noqa: PLC0415 - the engine is imported on use
    from auditor.report import access_records  # noqa: PLC0415 - the engine is imported on use
    from auditor.report.access_answers import Sheet  # noqa: PLC0415

    graph = _read(_Given(source, baseline, assignments or [], complete, as_of, allow_incomplete)).graph
    who = arguments.principals(graph, principal)
    answer = queries.what_can(graph, principal)
    sheet = Sheet(
        title=f"What {principal} ({', '.join(who)}) can do",
        asked={"principal": principal, "principals": ", ".join(who)},
        columns=access_records.WHAT_COLUMNS,
        shown=("answer", "role", "scope_kind", "scope", "state", "dangers"),
        records=access_records.what_records(answer),
        unknowns=answer.unknowns,
        nothing="nothing",
    )
    _tell(sheet, output, whole=answer.is_whole or allow_incomplete)


@app.command("suggest")
def suggest(
    principal: _Principal,
    source: _Source,
    actions: Annotated[
        list[str] | None,
        typer.Option(
            "--actions",
            metavar="ACTION",
            help="What it needs (repeatable; patterns too); default: the baseline's rows.",
        ),
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", metavar="RESOURCE_ID", help="Where it needs it; for --actions.")
    ] = None,
    roles: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="More roles to choose from: `az role definition list` as JSON."),
    ] = None,
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    assignments: opt.Set = None,
    complete: opt.Complete = False,
    output: _Format = Format.TABLE,
    as_of: opt.AsOf = None,
) -> None:
    """Propose the smallest set of built-in roles that covers what a principal needs, or a custom role."""
    from auditor.analysis.access.suggestions import suggestions  # noqa: PLC0415 - the engine is imported on use
    from auditor.rbac import arguments  # noqa: PLC0415
    from auditor.report import access_records  # noqa: PLC0415 - the engine is imported on use
    from auditor.report.access_answers import Sheet  # noqa: PLC0415

    more = [] if roles is None else _roles(roles)
    wanted = [] if actions is None else arguments.operations(actions)
    access = _read(_Given(source, baseline, assignments or [], complete, as_of, allow_incomplete=False))
    who = arguments.principals(access.graph, principal)
    place = None if on is None else arguments.scope(access.graph, on)
    found = [
        record
        for one in who
        for record in access_records.suggestion_records(suggestions(access, [one], wanted, place, more), one)
    ]
    sheet = Sheet(
        title=f"Roles for {principal} ({', '.join(who)})",
        asked={"principal": principal, "principals": ", ".join(who), "actions": " ".join(wanted), "scope": place or ""},
        columns=access_records.SUGGESTION_COLUMNS,
        shown=(*(["principal"] if len(who) > 1 else []), "scope", "roles", "alternatives", "needs"),
        records=found,
        unknowns=[] if roles else ["only roles of the estate and of the baseline were chosen from; --roles adds more"],
        verbatim=("commands", "custom_role"),
    )
    _tell(sheet, output, whole=True)


def _read(given: _Given) -> AccessContext:
    from auditor import audit  # noqa: PLC0415 - the engine is imported on use, to keep --help quick
    from auditor.analysis.access.access_context import read_access  # noqa: PLC0415
    from auditor.analysis.contract import Context  # noqa: PLC0415
    from auditor.inputs import read  # noqa: PLC0415
    from auditor.rulebook import in_force  # noqa: PLC0415 - the engine is imported on use, to keep --help quick

    chosen = in_force.load(in_force.Selection(given.baseline, (), given.assignments))
    terms = audit.Terms(complete=given.complete, as_of=opt.time_of(given.as_of))
    asked, _ = audit.prepare(read.read(given.source), chosen, terms)
    return read_access(Context(asked.estate, asked.workloads, asked.parameters, asked.tables, asked.now))


def _roles(path: Path) -> Sequence[Role]:
    from auditor.rbac.suggest import roles_from  # noqa: PLC0415 - the engine is imported on use

    try:
        return roles_from(json.loads(path.read_text(encoding="utf-8")))
    except InputError as problem:
        raise InputError(f"{path}: {problem.message}", problem.hint) from problem
    except (OSError, ValueError, RecursionError) as problem:
        raise InputError(f"{path}: cannot be read as JSON: {problem}", "save `az role definition list`") from problem


def _tell(sheet: Sheet, output: Format, *, whole: bool) -> None:
    from auditor.report.access_answers import WRITERS  # noqa: PLC0415 - the engine is imported on use

    with streams.output(None) as out:
        WRITERS[output.value](sheet, out, streams.width())
    if output is not Format.TABLE:
        for unknown in sheet.unknowns:
            sys.stderr.write(f"note: {streams.safe(unknown)}\n")
    raise typer.Exit(0 if whole else NO_ANSWER)
