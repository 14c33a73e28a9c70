"""Make the reports of a folder that holds a snapshot and all that it is judged by."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from auditor import audit, shipped
from auditor.bundle.manifest import REPORTS, SNAPSHOT_NAME, PackedTerms
from auditor.inputs import read
from auditor.model import Report
from auditor.report import format as formats
from auditor.report import pipeline_log
from auditor.rulebook import in_force

OWN: Final = "own/"
"""Where the files stand that did not ship with the tool."""
_WIDTH: Final = 120


def judge(folder: Path, terms: PackedTerms) -> Report:
    """Judge the snapshot of a folder by the rules in it, and by no others."""
    with shipped.standing_in(folder):
        baseline = str(folder / terms.baseline) if terms.baseline.startswith(OWN) else terms.baseline
        rules = [folder / name for name in terms.rules]
        rule_set = in_force.load(in_force.Selection(baseline, rules, terms.assignments, terms.select, terms.ignore))
        given = audit.Terms(
            complete=terms.complete,
            as_of=datetime.fromisoformat(terms.as_of),
            exemption_files=[folder / name for name in terms.exemptions],
            framework=rule_set.framework(terms.framework) if terms.framework else None,
        )
        report = audit.audit(read.read(str(folder / SNAPSHOT_NAME)), rule_set, given)
    return _without_place(report, folder)


def _without_place(report: Report, folder: Path) -> Report:
    """Name the files of the folder as they are called in the bundle: where it was unpacked is not part of a report."""
    place = f"{folder}/"
    rules = {name: replace(rule, file=rule.file.removeprefix(place)) for name, rule in report.rules.items()}
    return replace(report, rules=rules, notices=[notice.replace(place, "") for notice in report.notices])


def write(report: Report, names: Iterable[str], folder: Path) -> dict[str, str]:
    """Write a report in formats, and return the file of each."""
    (folder / REPORTS).mkdir(parents=True, exist_ok=True)
    files = {}
    for name in names:
        chosen = formats.named(name)
        files[name] = f"{REPORTS}/report.{name}"
        view = formats.View(include_passed=chosen.listing(include_passed=None), width=_WIDTH)
        with pipeline_log.LogSafeStream((folder / files[name]).open("wb"), chosen.hash_sign) as out:
            chosen.write(report, out, view)
    return files
