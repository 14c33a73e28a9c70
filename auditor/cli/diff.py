"""The command that compares two states."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from auditor.cli import options as opt
from auditor.cli import streams
from auditor.cli.context import FAILURES, NO_ANSWER
from auditor.errors import AuditorError
from auditor.lazy_imports import lazy_imports
from auditor.report import format as formats

with lazy_imports(__name__):
    from auditor import audit
    from auditor.cli import judging_progress
    from auditor.diff import drift, gate
    from auditor.report.drift import formats as drift_formats
    from auditor.rulebook import in_force


class FailOn(StrEnum):
    """What counts as drift."""

    ANY = "any"
    NEW = "new"
    GAINED_ACCESS = "gained-access"
    GAINED_REACH = "gained-reach"
    GAINED_EXPOSURE = "gained-exposure"


_STATE = "A snapshot, an export of resources or a folder of them, or a JSON report of `auditor evaluate`."
_NAMES = ("json", "markdown", "sarif", "table")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "diff",
        epilog="Exit codes: 0 no drift; 1 drift; 2 no trustworthy answer: something that changed could not be decided.",
    )(diff)


class DriftTarget(Struct, frozen=True):
    """A format that was asked for, by its name, and the file that it goes to: None is stdout."""

    name: str
    path: Path | None


def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help=_STATE)],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The same, later.")],
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    exemptions: opt.Exemptions = None,
    select: opt.Select = None,
    ignore: opt.Ignore = None,
    assignments: opt.Set = None,
    complete: opt.Complete = False,
    output: Annotated[
        list[str] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FORMAT[=PATH]",
            envvar="AUDITOR_OUTPUT",
            help=f"{opt.one_of(_NAMES)} (of the new findings: sarif), to a file or to stdout (repeatable; default: table).",
        ),
    ] = None,
    fail_on: Annotated[
        FailOn,
        typer.Option(
            "--fail-on",
            envvar="AUDITOR_DIFF_FAIL_ON",
            help="Exit 1 on: any change of the configuration, new or widened findings, operations gained, packets gained, "
            "or packets gained from the Internet by a public address or a service's public endpoint.",
        ),
    ] = FailOn.ANY,
    allow_incomplete: Annotated[
        bool,
        typer.Option(
            "--allow-incomplete",
            envvar="AUDITOR_ALLOW_INCOMPLETE",
            help="Do not exit 2 because it could not be decided what changed.",
        ),
    ] = False,
    as_of: opt.AsOf = None,
    processes: opt.Processes = opt.AUTO,
    color: opt.Colors = opt.Color.AUTO,
    quiet: opt.Quiet = False,
) -> None:
    """Say what changed from OLD to NEW: in the configuration, in what it does, and in the findings.

    What it does is decided as sets: the packets that get through and did not, or the other way round, the operations that
    principals gained and lost, content filters, private names. Of two reports only the findings can be compared.
    """
    targets = _targets(output, [old, new, *(exemptions or ())])
    selection = in_force.Selection(baseline, rules or (), assignments or (), select or (), ignore or ())
    terms = audit.Terms(complete, opt.time_of(as_of), exemption_files=exemptions or (), processes=processes)
    with judging_progress.shown(quiet=quiet) as watch:
        found = audit.drift(old, new, in_force.load(selection), replace(terms, watch=watch))
    asked = gate.Gate(fail_on.value)
    asked.check(found)
    for target in targets:
        _write(found, target, color)
    undecided = () if allow_incomplete else asked.undecided(found)
    if undecided and not quiet:
        streams.remark(_why(undecided))
    raise typer.Exit(NO_ANSWER if undecided else FAILURES if asked.is_met(found) else 0)


def _write(found: drift.Drift, target: DriftTarget, color: opt.Color) -> None:
    chosen = drift_formats.FORMATS[target.name]
    with streams.output(target.path, chosen.hash_sign) as out:
        chosen.write(found, out, _view(target, color))


def _why(undecided: Sequence[str]) -> str:
    more = f", and {len(undecided) - 1} more" if len(undecided) > 1 else ""
    return f"auditor: exit code 2 unless --allow-incomplete: it is not known {undecided[0]}{more}"


def _view(target: DriftTarget, color: opt.Color) -> formats.View:
    is_colored = target.path is None and streams.wants_color(color.value)
    return formats.View(include_passed=False, width=streams.width(), color=is_colored)


def _targets(outputs: Sequence[str] | None, read: Sequence[str | Path]) -> Sequence[DriftTarget]:
    found = [_target(text) for text in outputs or [opt.DEFAULT_FORMAT]]
    streams.check_apart((target.path for target in found if target.path), read)
    return found


def _target(text: str) -> DriftTarget:
    """Read one `--output`; refuse, before any work, what no drift is written in."""
    name, _, path = text.partition("=")
    if name.lower() not in _NAMES:
        raise AuditorError(f"--output {text}: drift is not written as '{name}'", f"known: {', '.join(_NAMES)}")
    if path:
        streams.check_writable(Path(path))
    return DriftTarget(name.lower(), Path(path) if path else None)
