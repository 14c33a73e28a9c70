"""What a report format is, and which there are; a format's module, with the libraries that it needs, is imported on use."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final, Generic, TextIO, TypeVar

from msgspec import Struct, field

from auditor.inputs.collector import at_rest
from auditor.model import Report
from auditor.report.escapes.output import CsvDialect, EscapedOutput
from auditor.report.group_by import GroupBy

NAMES: Final = (
    "azure-devops",
    "coverage",
    "csv",
    "github",
    "html",
    "json",
    "jsonl",
    "junit",
    "markdown",
    "ocsf",
    "oscal",
    "sarif",
    "table",
    "xlsx",
    # one line per format, in the order of their names
)
"""The names that `--output` takes; the module of that name in `auditor.report.formats` holds the format as `FORMAT`."""

DATA_SET: Final = "parquet"
"""The name under which findings go into a folder, a file for each subscription (`auditor.report.data_set`)."""

Out = TypeVar("Out", bound=EscapedOutput)


JSON_VERSION: Final = 2
"""The version of the JSON report that is written unless another is asked for."""


class Style(Struct, frozen=True):
    """What a reader may choose of single formats: how a CSV is cut into cells, which version of the JSON report it is."""

    csv: CsvDialect = field(default_factory=CsvDialect)
    json_version: int = JSON_VERSION


class Grouping(Struct, frozen=True):
    """How the table puts findings together: by what, how many groups it shows (None: its own choice; 0: all).

    `compact` shows the groups alone, without their findings.
    """

    by: GroupBy = GroupBy.CAUSE
    top: int | None = None
    compact: bool = False


class View(Struct, frozen=True):
    """How a reader wants a report; each format takes what it understands.

    `include_passed` lists what passed or does not apply, too; `width` is in terminal cells. `is_for_person`: it is read at
    a terminal, where the eye rests on the last lines. `processes`: how many may write at once.
    """

    include_passed: bool
    width: int = 100
    verbose: bool = False
    color: bool = False
    style: Style = field(default_factory=Style)
    is_for_person: bool = False
    grouping: Grouping = field(default_factory=Grouping)
    processes: int = 1


class Format(Struct, Generic[Out], frozen=True):
    """A way to write a report, and what it needs.

    `body` writes a whole report, and only through what `escape` makes of a stream: strangers' text is harmless in it.
    `lists_passes`: it lists what passed or does not apply unless it is told not to.
    `explains_passes`: where it lists a pass, it shows the evidence; judging for formats that do not is quicker.
    `shows_notices`: whoever reads it meets the notices there, so that they need not be shown elsewhere.
    `draws`: it shows the workloads as pictures, which are made only where one does.
    `ends_with_outcome`: its last line says why a report cannot be trusted as it is.
    `is_binary`: it is no text, so that nobody wants to see it on a terminal.
    `summary_variable`: the environment variable in which a pipeline names the file that Markdown for people is added to.
    """

    name: str
    body: Callable[[Report, Out, View], None]
    escape: type[Out]
    lists_passes: bool = False
    explains_passes: bool = True
    shows_notices: bool = False
    draws: bool = False
    ends_with_outcome: bool = False
    is_binary: bool = False
    summary_variable: str | None = None

    @property
    def hash_sign(self) -> str | None:
        """Return how it spells a `#` that would begin a command to a pipeline; None where it looks after that itself."""
        return self.escape.hash_sign

    def write(self, report: Report, stream: TextIO, view: View) -> None:
        """Write a whole report to a UTF-8 stream that was opened with `newline=""`."""
        with at_rest():
            self.body(report, self.escape(stream), view)

    def listing(self, *, include_passed: bool | None) -> bool:
        """Return whether it lists what passed or does not apply; None leaves the choice to the format."""
        return self.lists_passes if include_passed is None else include_passed

    def explains(self, *, include_passed: bool | None) -> bool:
        """Return whether it shows the evidence of passes; None leaves it to the format whether it lists them."""
        return self.explains_passes and self.listing(include_passed=include_passed)


def named(name: str) -> Format[EscapedOutput]:
    """Return the format of a name in `NAMES`."""
    chosen: Format[EscapedOutput] = import_module(f"{__package__}.formats.{name.replace('-', '_')}").FORMAT
    return chosen
