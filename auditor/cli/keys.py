"""The command that lists keys."""

from __future__ import annotations

import typer

from auditor.cli import options as opt
from auditor.cli.context import AskedEstate, tell
from auditor.lazy_imports import lazy_imports

with lazy_imports(__name__):
    from auditor.analysis.access import access_context
    from auditor.report.answers import keys as answers


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "keys",
        epilog="Exit codes: 0 answered; 2 no trustworthy answer: something that could change it is not known.",
    )(keys)


def keys(
    sources: opt.Sources,
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    assignments: opt.Set = None,
    complete: opt.Complete = False,
    output: opt.AnswerOutput = opt.AnswerFormat.TABLE,
    allow_incomplete: opt.AllowIncomplete = False,
    as_of: opt.AsOf = None,
) -> None:
    """List every key: where, who may read and regenerate it, its age or the bounds of it, its copies, its limit."""
    context = AskedEstate(sources, baseline, assignments, complete, as_of).context()
    graph = access_context.read_access(context).graph
    tell(answers.of_keys(context, graph), output, allow_incomplete=allow_incomplete)
