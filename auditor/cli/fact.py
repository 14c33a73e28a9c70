"""The commands on facts."""

from __future__ import annotations

from typing import Annotated

import typer

from auditor.cli import options as opt
from auditor.cli import streams
from auditor.errors import AuditorError
from auditor.lazy_imports import lazy_imports

with lazy_imports(__name__):
    from auditor import yaml_source
    from auditor.report.pages import fact_page
    from auditor.rulebook import fact_kinds, in_force

app = typer.Typer(help="List and show the facts that rules may read.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_kinds(
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    output: opt.PageOutput = opt.PageFormat.TABLE,
) -> None:
    """List the kinds of facts, with what they tell and how many rules are about them."""
    kinds = fact_kinds.describe_all(in_force.load(in_force.Selection(baseline, rules=rules or [])))
    with streams.output(None, opt.hash_sign(output)) as out:
        if output is opt.PageFormat.JSON:
            fact_page.write_list_json(kinds, out)
        else:
            fact_page.write_list(kinds, out, width=streams.width())


@app.command("show")
def show_kind(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="The kind's name, as rules write it after fact:.")],
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    output: opt.PageOutput = opt.PageFormat.TABLE,
) -> None:
    """Show a kind of fact: every field, what it can hold, whether it may be unknown, and the rules that read it."""
    rule_set = in_force.load(in_force.Selection(baseline, rules=rules or []))
    if kind not in rule_set.analyses:
        raise AuditorError(f"no analysis yields the fact '{kind}'", yaml_source.suggestion(kind, rule_set.analyses))
    info = fact_kinds.describe(kind, rule_set)
    with streams.output(None, opt.hash_sign(output)) as out:
        if output is opt.PageFormat.JSON:
            fact_page.write_page_json(info, out)
        else:
            fact_page.write_page(info, out, width=streams.width())
