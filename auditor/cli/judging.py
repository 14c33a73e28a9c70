"""The audits behind commands that keep what was found: of an estate, or of a report that was made before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from auditor.cli import options as opt
from auditor.cli import streams
from auditor.errors import AuditorError
from auditor.lazy_imports import lazy_imports
from auditor.model import Report

with lazy_imports(__name__):
    from auditor import audit
    from auditor.engine.accepted import known, report_reader
    from auditor.inputs import read
    from auditor.report import outcome
    from auditor.rulebook import in_force


class Judging(Struct, frozen=True):
    """What is judged, by what, and when."""

    sources: Sequence[str]
    selection: in_force.Selection
    exemptions: Sequence[Path]
    complete: bool
    as_of: str | None

    def report(self) -> Report:
        """Judge the estate. AuditorError where nothing was judged: of that nothing can be kept."""
        terms = audit.Terms(
            complete=self.complete,
            as_of=opt.time_of(self.as_of),
            exemption_files=self.exemptions,
            explain_passes=False,
        )
        snapshot = read.read(*self.sources)
        report = audit.audit(snapshot, in_force.load(audit.chosen(snapshot, self.selection)), terms)
        if outcome.judged_nothing(report):
            raise AuditorError(outcome.why_not_trusted(report) or "nothing was judged")
        return report

    def outcome(self) -> known.JudgedFailures:
        """Return what fails: by judging, or as a JSON report says."""
        told = report_reader.report_in(self.sources[0]) if len(self.sources) == 1 else None
        if told is not None:
            return known.JudgedFailures.of(told)
        report = self.report()
        if reason := outcome.why_not_trusted(report):
            streams.remark(f"note: {reason}")
        return known.JudgedFailures.of(report)
