"""Write a report in one of the formats, by name; a format's own libraries are imported when it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TextIO

from auditor.model import Report


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller may ask of any format; each format takes what it understands.

    `include_passed` None means the format's own default: json and csv list passes, table and markdown do not.
    `width` is in terminal cells; `verbose` and `color` are for the table.
    """

    include_passed: bool | None = None
    width: int = 100
    verbose: bool = False
    color: bool = False

    def listing_passes(self, *, default: bool) -> bool:
        """Return whether passed and not applicable findings are listed."""
        return default if self.include_passed is None else self.include_passed


Writer = Callable[[Report, TextIO, Options], None]
"""Write a whole report. The text stream is UTF-8; for `csv` and for files it is opened with `newline=""`."""


def _table(report: Report, out: TextIO, options: Options) -> None:
    from auditor.report import table  # noqa: PLC0415 - tabulate is imported on use

    table.write(
        report,
        out,
        include_passed=options.listing_passes(default=False),
        width=options.width,
        verbose=options.verbose,
        color=options.color,
    )


def _json(report: Report, out: TextIO, options: Options) -> None:
    from auditor.report import json  # noqa: PLC0415 - imported on use, like every format

    json.write(report, out, include_passed=options.listing_passes(default=True))


def _csv(report: Report, out: TextIO, options: Options) -> None:
    from auditor.report import csv  # noqa: PLC0415 - imported on use, like every format

    csv.write(report, out, include_passed=options.listing_passes(default=True))


def _markdown(report: Report, out: TextIO, options: Options) -> None:
    from auditor.report import markdown  # noqa: PLC0415 - imported on use, like every format

    markdown.write(report, out, include_passed=options.listing_passes(default=False))


FORMATS: Final[Mapping[str, Writer]] = MappingProxyType(
    {"csv": _csv, "json": _json, "markdown": _markdown, "table": _table}
)
"""The formats by the name that `--output` takes."""
