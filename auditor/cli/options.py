"""The options that several commands share: the same words everywhere."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from auditor.errors import AuditorError
from auditor.model import Severity
from auditor.report import pipeline_log
from auditor.report.escapes.output import CsvDialect
from auditor.report.format import DATA_SET, JSON_VERSION, NAMES, Style
from auditor.report.group_by import GroupBy

DEFAULT_BASELINE: Final = "openai-chat"
DEFAULT_FORMAT: Final = "table"
_LONGEST_TIME: Final = 40
_LONGEST_NUMBER: Final = 4
AUTO: Final = 0
"""As many processes as an estate gains from."""


def one_of(words: Sequence[str]) -> str:
    """Return words as the choices of an option: `csv, json or table`."""
    return f"{', '.join(words[:-1])} or {words[-1]}"


Source = Annotated[str, typer.Argument(metavar="INPUT", help="A snapshot or export of resources; - for stdin.")]
Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT...",
        help="Snapshots, exports of resources, or folders of them, together one estate; - for stdin.",
    ),
]
Baseline = Annotated[
    str,
    typer.Option(
        "--baseline",
        "-b",
        metavar="NAME_OR_PATH",
        envvar="AUDITOR_BASELINE",
        help="Baseline to judge by: a shipped one (NAME or NAME@EDITION), a file, or auto for the one that fits.",
    ),
]
Rules = Annotated[
    list[Path] | None,
    typer.Option("--rules", metavar="DIR", envvar="AUDITOR_RULES", help="Folder with rules of your own (repeatable)."),
]
Exemptions = Annotated[
    list[Path] | None,
    typer.Option(
        "--exemptions", metavar="PATH", envvar="AUDITOR_EXEMPTIONS", help="File of accepted deviations (repeatable)."
    ),
]
Known = Annotated[
    Path | None,
    typer.Option(
        "--known",
        metavar="FILE",
        envvar="AUDITOR_KNOWN",
        help="Fail only on what is new or has grown: a JSON report, or what `auditor ratchet write` wrote.",
    ),
]
Select = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", envvar="AUDITOR_SELECT", help="Only these rules, such as 'storage-*' (repeatable)."),
]
Ignore = Annotated[
    list[str] | None, typer.Option(metavar="GLOB", envvar="AUDITOR_IGNORE", help="Not these rules (repeatable).")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PARAMETER=VALUE",
        envvar="AUDITOR_SET",
        help="Set a baseline parameter; a dot reaches inside (repeatable).",
    ),
]
Framework = Annotated[
    str | None,
    typer.Option(
        "--framework",
        metavar="NAME",
        envvar="AUDITOR_FRAMEWORK",
        help="Group by the requirements of a framework, such as openai-chat or mcsb-v1.",
    ),
]
Complete = Annotated[
    bool,
    typer.Option(
        "--complete", envvar="AUDITOR_COMPLETE", help="The input is the whole truth: what is not in it does not exist."
    ),
]
Output = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FORMAT[=PATH]",
        envvar="AUDITOR_OUTPUT",
        help=f"{one_of(NAMES)}, to a file or to stdout, or {DATA_SET}, to a folder (repeatable; default: {DEFAULT_FORMAT}).",
    ),
]


class Delimiter(StrEnum):
    """The sign between the cells of a CSV, by its name."""

    COMMA = "comma"
    SEMICOLON = "semicolon"
    TAB = "tab"

    @property
    def sign(self) -> str:
        """Return the sign itself."""
        return {Delimiter.COMMA: ",", Delimiter.SEMICOLON: ";", Delimiter.TAB: "\t"}[self]


CsvDelimiter = Annotated[
    Delimiter,
    typer.Option(
        "--csv-delimiter",
        envvar="AUDITOR_CSV_DELIMITER",
        help="Sign between the cells of a CSV; where a comma is the decimal sign, Excel wants a semicolon.",
    ),
]
CsvBom = Annotated[
    bool,
    typer.Option(
        "--csv-bom",
        envvar="AUDITOR_CSV_BOM",
        help="Begin a CSV with a byte order mark, so that Excel reads UTF-8 at a double click.",
    ),
]


class ReportVersion(StrEnum):
    """A version of the JSON report."""

    ONE = "1"
    TWO = "2"


JsonVersion = Annotated[
    ReportVersion,
    typer.Option(
        "--json-version",
        envvar="AUDITOR_JSON_VERSION",
        help="Version of the JSON report; 1, which repeats each rule in its findings, stays for a while.",
    ),
]
DEFAULT_JSON_VERSION: Final = ReportVersion(str(JSON_VERSION))


GroupedBy = Annotated[
    GroupBy,
    typer.Option(
        "--group-by",
        envvar="AUDITOR_GROUP_BY",
        help="What the table puts together; cause: what one change would mend.",
    ),
]
Top = Annotated[
    int | None,
    typer.Option(
        "--top",
        metavar="N",
        min=0,
        show_default=False,
        envvar="AUDITOR_TOP",
        help="Show so many groups of the table, the worst; 0: all (default: 20, with -v all).",
    ),
]
Compact = Annotated[
    bool, typer.Option("--compact", envvar="AUDITOR_COMPACT", help="One line for each group of the table.")
]
NoPager = Annotated[
    bool,
    typer.Option("--no-pager", envvar="AUDITOR_NO_PAGER", help="Write to the terminal itself, not through a pager."),
]


def style(delimiter: Delimiter, json_version: ReportVersion, *, has_bom: bool) -> Style:
    """Return what was chosen of single formats."""
    return Style(CsvDialect(delimiter.sign, has_bom), int(json_version))


class Level(StrEnum):
    """A severity as an option."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class AnswerFormat(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


AnswerOutput = Annotated[
    AnswerFormat, typer.Option("--output", "-o", metavar="FORMAT", help=f"{one_of(list(AnswerFormat))}.")
]


class PageFormat(StrEnum):
    """How a list or a page about content is written."""

    TABLE = "table"
    JSON = "json"


PageOutput = Annotated[
    PageFormat, typer.Option("--output", "-o", metavar="FORMAT", help=f"{one_of(list(PageFormat))}.")
]


def hash_sign(output: PageFormat) -> str:
    """Return how a page spells a `#` that would begin a command to a pipeline that shows it."""
    return pipeline_log.IN_JSON if output is PageFormat.JSON else pipeline_log.APART


class Color(StrEnum):
    """When to colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


FailOn = Annotated[Level, typer.Option(envvar="AUDITOR_FAIL_ON", help="Exit 1 for failures of this severity or worse.")]
ExitZero = Annotated[
    bool,
    typer.Option(
        "--exit-zero", envvar="AUDITOR_EXIT_ZERO", help="Exit 0 although there are failures (not when 2 is due)."
    ),
]
AllowIncomplete = Annotated[
    bool,
    typer.Option(
        "--allow-incomplete",
        envvar="AUDITOR_ALLOW_INCOMPLETE",
        help="Do not exit 2 because something is unknown or the inventory is open.",
    ),
]
IncludePassed = Annotated[
    bool | None,
    typer.Option(
        "--include-passed/--no-include-passed",
        envvar="AUDITOR_INCLUDE_PASSED",
        help="List what passed or does not apply, too (default: formats for programs do, those for people do not).",
    ),
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="TIME", envvar="AUDITOR_AS_OF", help="Judge ages and expiry at this time (ISO 8601, UTC)."
    ),
]
RedactionKey = Annotated[
    str | None,
    typer.Option(
        "--redaction-key",
        metavar="TEXT",
        envvar="AUDITOR_REDACTION_KEY",
        help="Key of the hashes that stand for secrets, to compare snapshots (default: random); better as a variable.",
        show_envvar=True,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", envvar="AUDITOR_QUIET", help="No remarks on stderr.")]


def verbosity(given: str | int) -> int:
    """Read how much is told; a file or variable may say true for 1."""
    if str(given).isdecimal():
        return int(given)
    return int(str(given).lower() in {"true", "yes", "on"})


def _log_more(level: int) -> int:
    if level > 1:
        logging.getLogger("auditor").setLevel(logging.DEBUG)
    return level


Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        parser=verbosity,
        callback=_log_more,
        show_default=False,
        envvar="AUDITOR_VERBOSE",
        help="Whole ids and remediation commands in the table (-vv: also log to stderr what goes wrong inside).",
    ),
]


def processes(given: str | int) -> int:
    """Read how many processes judge."""
    if str(given) in {"auto", str(AUTO)}:
        return AUTO
    if not str(given).isdecimal() or len(str(given)) > _LONGEST_NUMBER:
        raise AuditorError(f"--processes {given}: is neither auto nor a number", "write auto, 1, 2, …")
    return int(given)


Processes = Annotated[
    int,
    typer.Option(
        "--processes",
        metavar="auto|N",
        parser=processes,
        show_default=False,
        envvar="AUDITOR_PROCESSES",
        help="How many processes judge at once (default: auto, as many as there are cores to use and an estate gains from).",
    ),
]
Dask = Annotated[
    str | None,
    typer.Option(
        "--dask",
        metavar="tcp://HOST:PORT",
        envvar="AUDITOR_DASK",
        help="Judge on the workers of this Dask scheduler, which must be trusted (never from a file of settings).",
    ),
]
Answers = Annotated[
    Path | None,
    typer.Option(
        "--answers",
        metavar="FILE",
        envvar="AUDITOR_ANSWERS",
        help="Keep what is found in this file, and next time judge only what has changed since; the report is the same.",
    ),
]
Colors = Annotated[Color, typer.Option("--color", envvar="AUDITOR_COLOR", help="Colour the table.")]
NoProgress = Annotated[
    bool, typer.Option("--no-progress", envvar="AUDITOR_NO_PROGRESS", help="No progress display on stderr.")
]
DEFAULT_NOTIFY_FORMAT: Final = "webhook"
History = Annotated[
    str | None,
    typer.Option(
        "--history",
        metavar="FILE_OR_URL",
        envvar="AUDITOR_HISTORY",
        help="Keep what was found, and tell what is new: a SQLite file, or postgresql://… (never from a file of settings).",
    ),
]
Notify = Annotated[
    str | None,
    typer.Option(
        "--notify",
        metavar="URL",
        envvar="AUDITOR_NOTIFY",
        help="Post what is new or has grown here, signed with AUDITOR_NOTIFY_KEY: with --history each once, with --known"
        " in every run (never from a file of settings).",
    ),
]
NotifyFormat = Annotated[
    str,
    typer.Option(
        "--notify-format",
        metavar="NAME_OR_PATH",
        envvar="AUDITOR_NOTIFY_FORMAT",
        help="What the receiver understands: webhook, teams, slack, jira, servicenow, or a file of your own.",
    ),
]
NotifySet = Annotated[
    list[str] | None,
    typer.Option(
        "--notify-set",
        metavar="NAME=VALUE",
        envvar="AUDITOR_NOTIFY_SET",
        help="Set a parameter of the receiver, such as project=SEC (repeatable).",
    ),
]
NotifyDryRun = Annotated[
    bool, typer.Option("--notify-dry-run", help="Show on stderr what would be posted, and post nothing.")
]


def time_of(text: str | None) -> datetime | None:
    """Read a date or time; without a zone it is UTC."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text if len(text) <= _LONGEST_TIME else "")  # it reads digits without end
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as problem:
        raise AuditorError(
            f"--as-of {text}: is no date or time", "write 2024-02-20 or 2024-02-20T12:00:00Z"
        ) from problem


def rank(level: Level) -> int:
    """Return the rank of a level among severities."""
    return Severity(level.value).rank
