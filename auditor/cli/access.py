"""The commands that answer questions about access: who-can, what-can, suggest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli import options as opt
from auditor.cli.context import AskedEstate, tell
from auditor.errors import InputError
from auditor.lazy_imports import lazy_imports

with lazy_imports(__name__):
    from auditor.analysis.access import access_context, suggestions
    from auditor.rbac import arguments, queries
    from auditor.rbac import assignments as role_assignments
    from auditor.rbac import suggest as suggesting
    from auditor.report.answers import access as answers

app = typer.Typer(
    help="Ask who may do what, decided on every door: roles, policies, keys, delegations, identities.",
    epilog="Exit codes: 0 answered; 2 no trustworthy answer: something that could change it is not known.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Principal = Annotated[
    str,
    typer.Argument(
        metavar="PRINCIPAL",
        help="A principal id, the name or id of an identity, a resource's id, or a component's name.",
    ),
]


@app.command("who-can")
def who_can(
    action: Annotated[
        str,
        typer.Argument(
            metavar="ACTION",
            help="An operation as roles spell it; 'data:' or 'control:' before it names the plane if roles do not tell.",
        ),
    ],
    sources: opt.Sources,
    on: Annotated[str, typer.Option("--on", metavar="RESOURCE_ID", help="The resource or scope, or its last part.")],
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    assignments: opt.Set = None,
    complete: opt.Complete = False,
    output: opt.AnswerOutput = opt.AnswerFormat.TABLE,
    allow_incomplete: opt.AllowIncomplete = False,
    as_of: opt.AsOf = None,
) -> None:
    """List who can do something to a resource, by which door, and what lets them."""
    plane, operation = arguments.operation(action)
    access = _read(AskedEstate(sources, baseline, assignments, complete, as_of))
    scope, known = arguments.scope(access.graph, on, [operation]), access.table.roles.values()
    answer = queries.who_can(access.graph, operation, scope, plane, known)
    tell(answers.of_who_can(answer), output, allow_incomplete=allow_incomplete)


@app.command("what-can")
def what_can(
    principal: _Principal,
    sources: opt.Sources,
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    assignments: opt.Set = None,
    complete: opt.Complete = False,
    output: opt.AnswerOutput = opt.AnswerFormat.TABLE,
    allow_incomplete: opt.AllowIncomplete = False,
    as_of: opt.AsOf = None,
) -> None:
    """List what a principal can do and where, by which doors, whom it can be, and what of it is dangerous."""
    graph = _read(AskedEstate(sources, baseline, assignments, complete, as_of)).graph
    arguments.principals(graph, principal)
    answer = queries.what_can(graph, principal)
    tell(answers.of_what_can(principal, answer), output, allow_incomplete=allow_incomplete)


@app.command("suggest")
def suggest(
    principal: _Principal,
    sources: opt.Sources,
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
    output: opt.AnswerOutput = opt.AnswerFormat.TABLE,
    as_of: opt.AsOf = None,
) -> None:
    """Propose the smallest set of built-in roles that covers what a principal needs, or a custom role."""
    more = [] if roles is None else _roles(roles)
    operations = [] if actions is None else arguments.operations(actions)
    access = _read(AskedEstate(sources, baseline, assignments, complete, as_of))
    principals = arguments.principals(access.graph, principal)
    scope = None if on is None else arguments.scope(access.graph, on, operations)
    suggested = {each: suggestions.suggestions(access, [each], operations, scope, more) for each in principals}
    answer = answers.of_suggestions(
        principal, suggested, actions=operations, scope=scope, knows_all_roles=roles is not None
    )
    tell(answer, output, allow_incomplete=False)


def _read(asked: AskedEstate) -> access_context.AccessContext:
    return access_context.read_access(asked.context())


def _roles(path: Path) -> Sequence[role_assignments.Role]:
    try:
        return suggesting.roles_from(json.loads(path.read_text(encoding="utf-8")))
    except InputError as problem:
        raise InputError(f"{path}: {problem.message}", problem.hint) from problem
    except (OSError, ValueError, RecursionError) as problem:
        raise InputError(f"{path}: cannot be read as JSON: {problem}", "save `az role definition list`") from problem
