"""The command that tells all of one resource."""

from __future__ import annotations

from typing import Annotated

import typer

from auditor.cli import options as opt
from auditor.cli import streams
from auditor.cli.context import NO_ANSWER
from auditor.cli.help_page import GroupedCommand, examples
from auditor.lazy_imports import lazy_imports

with lazy_imports(__name__):
    from auditor import audit
    from auditor.analysis import registry
    from auditor.engine import dossier
    from auditor.inputs import read
    from auditor.report import layout
    from auditor.report.escapes import json as json_escape
    from auditor.report.escapes import terminal
    from auditor.report.pages import resource_page
    from auditor.rulebook import in_force


_CODES = "Exit codes: 0 answered; 2 no trustworthy answer: something about it is not known."


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples("auditor why kv-prod --input estate.snapshot", "auditor why nsg-web --input export.json -o json")
    app.command("why", cls=GroupedCommand, epilog=f"{_CODES}\n\n{epilog}")(why)


def why(
    resource: Annotated[str, typer.Argument(metavar="RESOURCE", help="Its id, or the last part of it.")],
    sources: Annotated[
        list[str], typer.Option("--input", metavar="INPUT", help="The snapshot or export; - for stdin (repeatable).")
    ],
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    exemptions: opt.Exemptions = None,
    assignments: opt.Set = None,
    complete: opt.Complete = False,
    output: opt.PageOutput = opt.PageFormat.TABLE,
    allow_incomplete: opt.AllowIncomplete = False,
    as_of: opt.AsOf = None,
    verbose: opt.Verbose = 0,
    color: opt.Colors = opt.Color.AUTO,
    no_pager: opt.NoPager = False,
) -> None:
    """Tell all that is known and judged of a resource: what was read, its place, who can act on it, and the findings."""
    rule_set = in_force.load(in_force.Selection(baseline, rules or (), assignments or ()))
    terms = audit.Terms(complete=complete, as_of=opt.time_of(as_of), exemption_files=exemptions or ())
    snapshot = read.read(*sources)
    known = dossier.dossier_of(audit.context(snapshot, rule_set, terms), resource, registry.ANALYSES)
    report = audit.audit(snapshot, rule_set, terms)
    with streams.shown(opt.hash_sign(output), has_pager=not no_pager) as out:
        if output is opt.PageFormat.JSON:
            resource_page.write_json(known, report, json_escape.JsonValues(out))
        else:
            page = layout.of(
                streams.width(), color=streams.wants_color(color.value), is_for_person=streams.is_terminal()
            )
            resource_page.write(known, report, terminal.TerminalLines(out), page, verbose=verbose > 0)
    raise typer.Exit(0 if allow_incomplete or resource_page.is_whole(known, report) else NO_ANSWER)
