"""The commands on accepted deviations: accept, list, check, renew and prune them in their file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli import options as opt
from auditor.cli import streams
from auditor.cli.context import FAILURES
from auditor.cli.judging import Judging
from auditor.errors import AuditorError
from auditor.lazy_imports import lazy_imports

with lazy_imports(__name__):
    from auditor.authoring import exemption_file
    from auditor.engine.accepted import exemptions as accepted
    from auditor.engine.accepted import finding_sets, known
    from auditor.report import summary
    from auditor.report.pages import exemption_page
    from auditor.rulebook import in_force

app = typer.Typer(
    help="Accept failures until a day, and look after what was accepted.", no_args_is_help=True, rich_markup_mode=None
)
_SHORTEST = 6
_LATER = "an exemption that is over has no effect: name a later day"

_File = Annotated[
    Path, typer.Option("--exemptions", metavar="PATH", envvar="AUDITOR_EXEMPTIONS", help="The file of exemptions.")
]
_Names = Annotated[list[str], typer.Argument(metavar="ID...", help="The exemptions, by the ids that `list` shows.")]
_Day = Annotated[str, typer.Option("--expires-on", metavar="DAY", help="The last day on which it holds: 2025-12-31.")]


@app.command()
def add(
    fingerprints: Annotated[
        list[str],
        typer.Argument(
            metavar="FINGERPRINT...", help="The failures, by the fingerprints in reports, or how they begin."
        ),
    ],
    sources: Annotated[
        list[str],
        typer.Option("--input", metavar="INPUT", help="The estate, or a JSON report, that they fail in (repeatable)."),
    ],
    path: _File,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why it is accepted.")],
    approved_by: Annotated[str, typer.Option(metavar="NAME", help="Who accepts it.")],
    ticket: Annotated[str, typer.Option(metavar="ID", help="Where that is written down.")],
    expires_on: _Day,
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    assignments: opt.Set = None,
    complete: opt.Complete = False,
    as_of: opt.AsOf = None,
) -> None:
    """Accept failures as far as they go now, until a day. What they grow by later is not accepted."""
    day = _day(expires_on)
    selection = in_force.Selection(baseline, rules or (), assignments or ())
    outcome = Judging(sources, selection, (), complete, as_of).outcome()
    if outcome.at is not None and date.fromisoformat(day) < outcome.at.date():
        raise AuditorError(f"--expires-on {day}: that day is over where it is judged at {outcome.at:%Y-%m-%d}", _LATER)
    chosen = [_named(text, outcome.failures) for text in dict.fromkeys(fingerprints)]
    how = {"reason": reason, "approved_by": approved_by, "ticket": ticket, "expires_on": day}
    _replace(path, exemption_file.added(_text(path), [_entry(each, how) for each in chosen], path))
    _tell(f"{path}: {summary.counted(len(chosen), 'failure')} accepted until {day}")


@app.command("list")
def list_exemptions(
    path: _File,
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    output: opt.PageOutput = opt.PageFormat.TABLE,
) -> None:
    """List what is accepted: what, until when, by whom. What the file has wrong, such as a rule that there is not, exits 2."""
    listed = accepted.load(path, in_force.load(in_force.Selection(baseline, rules or ())).rules)
    with streams.output(None, opt.hash_sign(output)) as out:
        exemption_page.write(listed, out, width=streams.width(), as_json=output is opt.PageFormat.JSON)


@app.command(epilog="Exit codes: 0 nothing to look at but what expires soon; 1 something; 2 no answer.")
def check(
    sources: opt.Sources,
    path: _File,
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    assignments: opt.Set = None,
    complete: opt.Complete = False,
    as_of: opt.AsOf = None,
    output: opt.PageOutput = opt.PageFormat.TABLE,
) -> None:
    """Say which exemptions are expired, unused, too wide, outgrown, without a limit, or expire within 30 days."""
    selection = in_force.Selection(baseline, rules or (), assignments or ())
    states = Judging(sources, selection, [path], complete, as_of).report().exemptions
    with streams.output(None, opt.hash_sign(output)) as out:
        exemption_page.write_states(states, out, width=streams.width(), as_json=output is opt.PageFormat.JSON)
    raise typer.Exit(FAILURES if any(exemption_page.is_wrong(state) for state in states) else 0)


@app.command()
def renew(names: _Names, path: _File, expires_on: _Day) -> None:
    """Let exemptions last until a later day; how far they go stays as it was accepted."""
    day = _day(expires_on)
    _replace(path, exemption_file.renewed(_existing(path), names, day, path))
    _tell(f"{path}: {summary.counted(len(set(names)), 'exemption')} renewed until {day}")


@app.command()
def prune(
    path: _File,
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[INPUT]...", help="The estate: what matches no failure in it goes, too."),
    ] = None,
    baseline: opt.Baseline = opt.DEFAULT_BASELINE,
    rules: opt.Rules = None,
    assignments: opt.Set = None,
    complete: opt.Complete = False,
    as_of: opt.AsOf = None,
) -> None:
    """Take expired exemptions out of the file, and with an INPUT those that match no failure in it."""
    text = _existing(path)
    if sources:
        selection = in_force.Selection(baseline, rules or (), assignments or ())
        gone = exemption_page.without_effect(Judging(sources, selection, [path], complete, as_of).report())
    else:
        today = (opt.time_of(as_of) or datetime.now(UTC)).date()
        gone = [each.id for each in accepted.parse(text, str(path)) if date.fromisoformat(each.expires_on) < today]
    if gone:
        _replace(path, exemption_file.pruned(text, gone, path))
    _tell(f"{path}: {summary.counted(len(gone), 'exemption')} taken out{''.join(f' {each}' for each in gone)}")


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as problem:
        raise AuditorError(f"--expires-on {text}: is no day", "write it as 2025-12-31") from problem


def _named(text: str, failures: Sequence[known.KnownFailure]) -> known.KnownFailure:
    """Return the one failure whose fingerprint begins so."""
    fitting = [each for each in failures if each.fingerprint.startswith(text.lower())]
    if len(text) < _SHORTEST or not fitting:
        raise AuditorError(
            f"no failure has the fingerprint {text}",
            f"give at least its first {_SHORTEST} digits, as the JSON report or -v shows them",
        )
    if len(fitting) > 1:
        raise AuditorError(f"{len(fitting)} failures have a fingerprint that begins with {text}", "give more of it")
    return fitting[0]


def _entry(failure: known.KnownFailure, how: dict[str, str]) -> exemption_file.Entry:
    entry: dict[str, object] = {
        "fingerprint": failure.fingerprint,
        "rule": failure.rule_id,
        "scope": failure.resource_id or "/",
        **how,
    }
    if failure.rests_on is not None:
        entry["accepts"] = json.loads(json.dumps(finding_sets.as_document(failure.rests_on)))
    return entry


def _text(path: Path) -> str:
    return _existing(path) if path.exists() else ""


def _existing(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise AuditorError(f"{path}: cannot be read: {getattr(problem, 'strerror', None) or problem}") from problem


def _replace(path: Path, text: str) -> None:
    """Write a file that is there already with the line ends that it has."""
    streams.check_writable(path)
    has_returns = path.exists() and b"\r\n" in path.read_bytes()
    with streams.output(path, None) as out:
        out.write(text.replace("\n", "\r\n") if has_returns else text)


def _tell(line: str) -> None:
    with streams.output(None) as out:
        out.write(f"{streams.safe(line)}\n")
