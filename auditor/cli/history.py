"""The commands on a history: list, trend, show, prune."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from auditor.cli import options as opt
from auditor.cli import streams
from auditor.cli.context import tell
from auditor.errors import AuditorError
from auditor.lazy_imports import lazy_imports
from auditor.model import Severity
from auditor.report import pipeline_log

with lazy_imports(__name__):
    from auditor.history import database, questions, recording, sheets, trend_page

app = typer.Typer(help="What audits found over time.", no_args_is_help=True, rich_markup_mode=None)

Place = Annotated[
    str | None,
    typer.Option("--history", metavar="FILE_OR_URL", envvar="AUDITOR_HISTORY", help="The history to read."),
]
OwnerTag = Annotated[
    str, typer.Option("--owner-tag", metavar="NAME", envvar="AUDITOR_OWNER_TAG", help="The tag that names an owner.")
]
Owner = Annotated[str | None, typer.Option("--owner", metavar="VALUE", help="Only what this owner has.")]
OfSeverity = Annotated[list[opt.Level] | None, typer.Option("--severity", help="Only this severity (repeatable).")]
OfRule = Annotated[str | None, typer.Option("--rule", metavar="ID", help="Only this rule.")]
OfBaseline = Annotated[str | None, typer.Option("--of-baseline", metavar="NAME", help="Only what it was judged by.")]
AtTime = Annotated[
    str | None,
    typer.Option("--as-of", metavar="TIME", help="Ages at this time (ISO 8601, UTC; default: of the last run)."),
]


class ListedState(StrEnum):
    """Which findings are listed."""

    OPEN = "open"
    RESOLVED = "resolved"
    ALL = "all"


class TrendFormat(StrEnum):
    """How a trend is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    HTML = "html"


def _place(history: str | None) -> str:
    if history is None:
        raise AuditorError("which history is not said", "add --history FILE_OR_URL, or set AUDITOR_HISTORY")
    return history


def _filter(
    tag: str, owner: str | None, severities: list[opt.Level] | None, rule: str | None, baseline: str | None
) -> questions.FindingFilter:
    return questions.FindingFilter(tag, owner, [Severity(each.value) for each in severities or ()], rule, baseline)


def _moment(as_of: str | None, history: database.History) -> str:
    """Return the time that ages are told at: the option, else the last run's."""
    asked = opt.time_of(as_of)
    if asked is not None:
        return recording.second(asked)
    kept = questions.runs(history)
    return kept[-1].at if kept else recording.second(datetime.now(UTC))


@app.command("list")
def list_(
    history: Place = None,
    state: Annotated[ListedState, typer.Option("--state", help="Which findings.")] = ListedState.OPEN,
    owner_tag: OwnerTag = "owner",
    owner: Owner = None,
    severity: OfSeverity = None,
    rule: OfRule = None,
    of_baseline: OfBaseline = None,
    as_of: AtTime = None,
    output: opt.AnswerOutput = opt.AnswerFormat.TABLE,
) -> None:
    """List findings: since when they are there, how old they are, how often they came back, whose they are."""
    with database.opened(_place(history), is_made=False) as opened:
        at = _moment(as_of, opened)
        stored = questions.findings(opened, _filter(owner_tag, owner, severity, rule, of_baseline))
        wanted = [each for each in stored if state is ListedState.ALL or each.is_open == (state is ListedState.OPEN)]
        tell(
            sheets.of_findings(wanted, at, {"as_of": at, "state": state.value}, opened.place),
            output,
            allow_incomplete=True,
        )


@app.command()
def trend(
    history: Place = None,
    owner_tag: OwnerTag = "owner",
    owner: Owner = None,
    severity: OfSeverity = None,
    rule: OfRule = None,
    of_baseline: OfBaseline = None,
    output: Annotated[
        TrendFormat, typer.Option("--output", "-o", metavar="FORMAT", help=f"{opt.one_of(list(TrendFormat))}.")
    ] = TrendFormat.TABLE,
) -> None:
    """Tell how many findings were open after each run, and how many were new, came back or were resolved."""
    with database.opened(_place(history), is_made=False) as opened:
        points = questions.trend(opened, _filter(owner_tag, owner, severity, rule, of_baseline))
        if output is TrendFormat.HTML:
            with streams.output(None, pipeline_log.APART) as out:
                trend_page.write(points, opened.place, out)
            return
        asked = {"owner": owner} if owner is not None else {}
        tell(sheets.of_trend(points, asked, opened.place), opt.AnswerFormat(output.value), allow_incomplete=True)


@app.command()
def show(
    fingerprint: Annotated[str, typer.Argument(metavar="FINGERPRINT", help="The finding's, or how it begins.")],
    history: Place = None,
    owner_tag: OwnerTag = "owner",
    of_baseline: OfBaseline = None,
    as_of: AtTime = None,
    output: opt.AnswerOutput = opt.AnswerFormat.TABLE,
) -> None:
    """Show one finding, with each time that it failed."""
    with database.opened(_place(history), is_made=False) as opened:
        stored = questions.findings(opened, _filter(owner_tag, None, None, None, of_baseline))
        one = questions.named(stored, fingerprint)
        tell(sheets.of_finding(one, _moment(as_of, opened)), output, allow_incomplete=True)


@app.command()
def prune(
    older_than: Annotated[
        int, typer.Option("--older-than", metavar="DAYS", min=0, help="What was over so many days before the last run.")
    ],
    history: Place = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
) -> None:
    """Remove old runs, and findings that were resolved long ago. What is open is never removed."""
    with database.opened(_place(history), is_made=False) as opened:
        last = datetime.fromisoformat(_moment(None, opened))
        try:
            before = last - timedelta(days=older_than)
        except OverflowError as problem:
            raise AuditorError(f"--older-than {older_than}: is before all times") from problem
        pruned = questions.prune(opened, before, is_rehearsal=dry_run)
    word = "would be removed" if dry_run else "removed"
    streams.remark(f"{pruned.runs} runs and {pruned.findings} findings of before {pruned.before} {word}")
