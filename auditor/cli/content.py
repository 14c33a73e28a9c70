"""The commands on rules, baselines and schemas."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

import typer

from auditor.cli import options as opt
from auditor.cli import settings, streams
from auditor.cli.context import FAILURES
from auditor.errors import AuditorError
from auditor.lazy_imports import lazy_imports
from auditor.model import Report

with lazy_imports(__name__):
    from auditor import audit, shipped, yaml_source
    from auditor.authoring import derive, draft, estates, proof, schemas
    from auditor.inputs import read
    from auditor.report.pages import baseline_diff_page, rule_page
    from auditor.rulebook import baseline as baselines
    from auditor.rulebook import baseline_changes, in_force, retired
    from auditor.rulebook.baseline import ExpectedVerdicts

rules_app = typer.Typer(help="List, show, write and test rules.", no_args_is_help=True, rich_markup_mode=None)
baselines_app = typer.Typer(help="List, show and check baselines.", no_args_is_help=True, rich_markup_mode=None)

_RuleId = Annotated[str, typer.Argument(metavar="RULE", help="The rule's id.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(rules_app, name="rule")
    app.add_typer(baselines_app, name="baseline")
    app.command()(schema)


@rules_app.command("list")
def list_rules(
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    select: opt.Select = None,
    ignore: opt.Ignore = None,
) -> None:
    """List the rules in force in a baseline."""
    rule_set = in_force.load(in_force.Selection(baseline, rules or [], (), select or [], ignore or []))
    with streams.output(None) as out:
        listed = [each.rule for each in rule_set.in_force]
        rule_page.write_list(listed, out, width=streams.width(), framework=rule_set.own_framework)


@rules_app.command("show")
def show_rule(rule: _RuleId, baseline: opt.Baseline = opt.DEFAULT_BASELINE, rules: opt.Rules = None) -> None:
    """Show a rule: what it asks, why, how to mend it, its examples (Markdown)."""
    known = in_force.load(in_force.Selection(baseline, rules=rules or [])).rules
    if rule not in known:
        raise AuditorError(f"there is no rule '{rule}'", retired.hint(rule, known))
    with streams.output(None) as out:
        rule_page.write_page(known[rule], out)


@rules_app.command("new")
def new_rule(
    rule: _RuleId,
    resource_type: Annotated[str, typer.Option("--type", metavar="TYPE", help="The resource type it is about.")],
    folder: Annotated[Path, typer.Option("--rules", metavar="DIR", help="The folder to write to.")] = Path("rules"),
) -> None:
    """Write the first draft of a rule, with what to fill in; `auditor rule test` proves it."""
    path = folder / f"{rule}.yaml"
    if path.exists():
        raise AuditorError(f"{path}: is there already", "choose another id, or edit that file")
    if not folder.is_dir():
        raise AuditorError(f"{folder}: there is no such folder", "make it first, or name another with --rules")
    with streams.output(path) as out:
        out.write(draft.draft(rule, resource_type))
    try:
        draft.check(path)
    except BaseException:
        path.unlink()
        raise
    _tell(f"{path}", f"Fill it in, then: auditor rule test {rule} --rules {folder}")


@rules_app.command("test")
def prove_rules(
    rule: Annotated[str, typer.Argument(metavar="[GLOB]", help="Only these rules.")] = "*",
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    mutants: Annotated[
        bool, typer.Option("--mutants/--no-mutants", help="Also look for changes no example notices.")
    ] = True,
) -> None:
    """Run the examples of the shipped rules (or of --rules), and of small mutants of each: exits 1 where one is wrong."""
    known = in_force.all_rules(rules or [], baseline)
    chosen = [known[rule_id] for rule_id in known if fnmatchcase(rule_id, rule)]
    if not chosen:
        raise AuditorError(f"no rule matches '{rule}'", retired.hint(rule, known))
    tried = proof.prove(chosen, with_mutants=mutants)
    counts = f"{tried.rules} rules, {tried.examples} examples, {tried.mutants} mutants"
    _tell(*map(streams.safe, tried.problems), f"{counts}: {len(tried.problems)} problems")
    raise typer.Exit(FAILURES if tried.problems else 0)


@baselines_app.command("list")
def list_baselines() -> None:
    """List the baselines that ship with the tool."""
    folder = shipped.folder("baselines")
    listed = [baselines.load(path.parent.name, folder) for path in sorted(folder.glob("*/baseline.yaml"))]
    with streams.output(None) as out:
        rule_page.write_baselines(listed, out)


@baselines_app.command("show")
def show_baseline(
    name: Annotated[str, typer.Argument(metavar="NAME_OR_PATH", help="A shipped baseline, or a file.")],
    rules: opt.Rules = None,
    assignments: opt.Set = None,
) -> None:
    """Show a baseline: parameters, components, tables and the rules in force."""
    rule_set = in_force.load(in_force.Selection(name, rules or [], assignments or []))
    with streams.output(None) as out:
        shown = rule_set.baseline, rule_set.in_force
        rule_page.write_baseline(*shown, out, width=streams.width(), framework=rule_set.own_framework)


@baselines_app.command("validate")
def validate_baseline(
    name: Annotated[str, typer.Argument(metavar="NAME_OR_PATH", help="A shipped baseline, or a file.")],
    rules: opt.Rules = None,
) -> None:
    """Read a baseline with all its rules, tables and components; exit 2 with file, line and column of a mistake.

    The examples of the rules that it brings are run, and the estates that it brings are judged: exits 1 where one of them
    is not judged as the baseline says.
    """
    rule_set = in_force.load(in_force.Selection(name, rules or []))
    proved = proof.prove(rule_set.own_rules, with_mutants=False)
    empty = (
        [] if rule_set.in_force else ["no rule is in force, so that nothing would be judged: name some under 'rules'"]
    )
    problems = [*empty, *proved.problems, *estates.prove(rule_set.baseline.estates, lambda one: _judged(one, rule_set))]
    name = streams.safe(f"{rule_set.baseline.name} {rule_set.baseline.version}")
    tried = [f"{proved.examples} examples of its own rules"] if proved.examples else []
    tried += [f"{len(rule_set.baseline.estates)} estates"] if rule_set.baseline.estates else []
    tried_too = f", {', '.join(tried)} tried" if tried else ""
    outcome = f"{len(problems)} mistakes" if problems else "no mistakes"
    counts = f"{name}: {len(rule_set.in_force)} rules in force{tried_too}, {outcome}"
    _tell(*map(streams.safe, problems), counts)
    raise typer.Exit(FAILURES if problems else 0)


def _judged(estate: ExpectedVerdicts, rule_set: in_force.RuleSet) -> Report:
    terms = audit.Terms(complete=True, as_of=opt.time_of(estate.as_of or None), explain_passes=False)
    return audit.audit(read.read(str(estate.file)), rule_set, terms)


class _DiffFormat(StrEnum):
    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


@baselines_app.command("diff")
def diff_baselines(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A baseline: NAME, NAME@EDITION or a file.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The one to compare with it.")],
    rules: opt.Rules = None,
    output: Annotated[
        _DiffFormat, typer.Option("--output", "-o", metavar="FORMAT", help="table, json or markdown.")
    ] = _DiffFormat.TABLE,
) -> None:
    """Say in which components, rows, parameters, rules and controls two baselines, or two editions of one, differ."""
    before, after = (in_force.load(in_force.Selection(name, rules or [])) for name in (old, new))
    found = baseline_changes.compare(before, after)
    with streams.output(None) as out:
        baseline_diff_page.FORMATS[output.value]((before.baseline, after.baseline), found, out, streams.width())


@baselines_app.command("derive")
def derive_baseline(
    sources: opt.Sources,
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    complete: opt.Complete = False,
    as_of: opt.AsOf = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What the baseline is to be called.")] = "own",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="PATH", help="The file to write (default: stdout).")
    ] = None,
) -> None:
    """Write an overlay from an estate that is known to be good: its bindings, its numbers, and as comments what fails.

    Judged by it, the same estate fails what it failed before, until a person removes the sign before what is accepted.
    """
    if output is not None and output.exists():
        raise AuditorError(
            f"{output}: is there already", "choose another file: what people confirmed in it would be lost"
        )
    snapshot = read.read(*sources)
    terms = audit.Terms(complete=complete, as_of=opt.time_of(as_of))

    def judge(assignments: Sequence[str], rule: str) -> Report:
        selection = in_force.Selection(baseline, rules or (), assignments, [rule] if rule else ())
        return audit.audit(snapshot, in_force.load(selection), terms)

    rule_set = in_force.load(in_force.Selection(baseline, rules or ()))
    workloads = audit.context(snapshot, rule_set, terms).workloads
    text = derive.derive(rule_set, workloads, judge, name)
    with streams.output(output) as out:
        out.write(text)


def schema(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="rule, baseline, exemption, settings, ratchet, report, report-line or report-1."
        ),
    ],
) -> None:
    """Print the JSON Schema of a file format."""
    known: dict[str, Callable[[], dict[str, Any]]] = dict(schemas.SCHEMAS)
    known["settings"] = lambda: settings_schema(context.find_root().command)
    if name not in known:
        raise AuditorError(f"there is no schema '{name}'", yaml_source.suggestion(name, known))
    _tell(json.dumps(known[name](), indent=2))


def _tell(*lines: str) -> None:
    with streams.output(None) as out:
        out.writelines(f"{line}\n" for line in lines)


def settings_schema(command: Any) -> dict[str, Any]:
    """Return the schema of a settings file; what is never taken from a file is not in it."""
    schema = schemas.schema_of(settings.model_of(command), "Settings")
    for name in settings.NEVER_FROM_FILE:
        schema["properties"].pop(name, None)
    return schema
