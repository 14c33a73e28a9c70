"""The formats in which drift is written, by the name that `--output` takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TextIO

from msgspec import Struct
from msgspec.structs import replace

from auditor.diff.drift import Drift
from auditor.report import format as report_formats
from auditor.report.drift import page
from auditor.report.drift.document import document_of
from auditor.report.escapes.gfm import GfmPage
from auditor.report.escapes.json import JsonValues
from auditor.report.escapes.output import EscapedOutput
from auditor.report.escapes.terminal import TerminalLines
from auditor.report.format import View


class DriftFormat(Struct, frozen=True):
    """A way to write drift to a UTF-8 stream opened with `newline=""`. `escape` makes strangers' text harmless in it."""

    write: Callable[[Drift, TextIO, View], None]
    escape: type[EscapedOutput]

    @property
    def hash_sign(self) -> str | None:
        """Return how it spells a `#` that would begin a command to a pipeline; None where it looks after that itself."""
        return self.escape.hash_sign


def _write_json(drift: Drift, stream: TextIO, _: View) -> None:
    out = JsonValues(stream)
    separator = "{\n"
    for key, value in document_of(drift).items():
        out.layout(separator)
        out.member(key, value, 0)
        separator = ",\n"
    out.layout("\n}\n")


def _write_table(drift: Drift, stream: TextIO, view: View) -> None:
    page.write_table(drift, TerminalLines(stream), view.width, color=view.color)


def _write_markdown(drift: Drift, stream: TextIO, _: View) -> None:
    page.write_markdown(drift, GfmPage(stream))


def _write_sarif(drift: Drift, stream: TextIO, view: View) -> None:
    """Write the new and the widened findings alone: what was there before is nobody's alert today."""
    findings = [change.finding for change in (*drift.findings.new, *drift.findings.widened)]
    report_formats.named("sarif").write(replace(drift.new, findings=findings), stream, view)


FORMATS: Final[Mapping[str, DriftFormat]] = MappingProxyType(
    {
        "json": DriftFormat(_write_json, JsonValues),
        "markdown": DriftFormat(_write_markdown, GfmPage),
        "sarif": DriftFormat(_write_sarif, JsonValues),
        "table": DriftFormat(_write_table, TerminalLines),
    }
)
NAMES: Final = tuple(FORMATS)
