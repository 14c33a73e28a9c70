"""The commands on controls."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from auditor.cli import options as opt
from auditor.cli import streams
from auditor.errors import AuditorError
from auditor.lazy_imports import lazy_imports

with lazy_imports(__name__):
    from auditor import yaml_source
    from auditor.engine.coverage import requirements
    from auditor.report.pages import control_page
    from auditor.rulebook import in_force

app = typer.Typer(
    help="List and show the controls of a baseline, or of a public framework.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Framework = Annotated[
    str | None,
    typer.Option(
        "--framework", metavar="NAME", help="Of this framework, such as mcsb-v1 (default: the baseline's own)."
    ),
]


@app.command("list")
def list_controls(
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    framework: _Framework = None,
    output: opt.PageOutput = opt.PageFormat.TABLE,
) -> None:
    """List the controls with what each asks, and by which rule or by whom it is answered."""
    rule_set = in_force.load(in_force.Selection(baseline, rules=rules or []))
    chosen = rule_set.framework(framework or rule_set.own_framework)
    infos = [control_page.info_of(control, chosen, rule_set) for control in chosen.controls.values()]
    with streams.output(None, opt.hash_sign(output)) as out:
        if output is opt.PageFormat.JSON:
            control_page.write_list_json(infos, out)
        else:
            control_page.write_list(infos, out, width=streams.width())


@app.command("show")
def show_control(
    control: Annotated[str, typer.Argument(metavar="ID", help="The control's id, such as NS-2.")],
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    framework: _Framework = None,
    output: opt.PageOutput = opt.PageFormat.TABLE,
) -> None:
    """Show a control: the sentence that it rests on, what it asks leg by leg, the rules that answer, what these read."""
    rule_set = in_force.load(in_force.Selection(baseline, rules=rules or []))
    chosen = rule_set.framework(framework or rule_set.own_framework)
    by_id = {each.lower(): each for each in chosen.controls}
    if control.lower() not in by_id:
        hint = (
            yaml_source.suggestion(control, chosen.controls)
            or f"list them: auditor control list --framework {chosen.name}"
        )
        raise AuditorError(f"{chosen.name} has no control '{control}'", hint)
    known = chosen.controls[by_id[control.lower()]]
    checks = list(requirements.manual_checks(known, rule_set.baseline.attestations, datetime.now(UTC).date()))
    info = control_page.info_of(known, chosen, rule_set, checks)
    with streams.output(None, opt.hash_sign(output)) as out:
        if output is opt.PageFormat.JSON:
            control_page.write_page_json(info, out)
        else:
            control_page.write_page(info, out, width=streams.width())
