from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from msgspec.structs import replace

from auditor.cli.app import command_line
from auditor.cli.streams import safe
from auditor.model import Report, Status
from auditor.report import format as formats
from auditor.report.escapes.terminal import TerminalLines
from auditor.report.format import NAMES, Format, Grouping, Style, View, named
from tests.checkout import SAMPLE

GOLDEN = Path(__file__).parent / "golden"
GOLDEN_CASES = {
    "report.json": ("json", View(include_passed=True)),
    "report-1.json": ("json", View(include_passed=True, style=Style(json_version=1))),
    "report.jsonl": ("jsonl", View(include_passed=True)),
    "report.sarif": ("sarif", View(include_passed=True)),
    "report.junit.xml": ("junit", View(include_passed=True)),
    "report.ocsf.jsonl": ("ocsf", View(include_passed=True)),
    "report.oscal.json": ("oscal", View(include_passed=True)),
    "github.txt": ("github", View(include_passed=False)),
    "azure-devops.txt": ("azure-devops", View(include_passed=False)),
    "report.csv": ("csv", View(include_passed=True)),
    "coverage.csv": ("coverage", View(include_passed=True)),
    "report.html": ("html", View(include_passed=True)),
    "report.md": ("markdown", View(include_passed=True)),
    "table-80.txt": ("table", View(include_passed=False, width=80)),
    "table-200.txt": ("table", View(include_passed=True, width=200)),
    "table-terminal.txt": ("table", View(include_passed=False, width=100, color=True, is_for_person=True)),
    "table-compact.txt": ("table", View(include_passed=False, width=100, grouping=Grouping(compact=True))),
    "table-verbose.txt": ("table", View(include_passed=False, width=100, verbose=True)),
}


def text_of(report: Report, name: str, view: View) -> bytes:
    target = io.BytesIO()
    stream = io.TextIOWrapper(target, encoding="utf-8", newline="")
    named(name).write(report, stream, view)
    stream.flush()
    return target.getvalue()


@pytest.mark.parametrize("file", sorted(GOLDEN_CASES))
def test_a_format_writes_what_was_agreed(report: Report, file: str) -> None:
    """Run with AUDITOR_UPDATE_GOLDEN=1 to accept what is written now."""
    written = text_of(report, *GOLDEN_CASES[file])
    if os.environ.get("AUDITOR_UPDATE_GOLDEN"):
        (GOLDEN / file).write_bytes(written)
    assert written == (GOLDEN / file).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_findings_and_gaps_does_not_change_a_byte(report: Report, name: str) -> None:
    shuffled = [*report.findings[::2], *report.findings[1::2]]
    other = replace(report, findings=shuffled, gaps=list(reversed(report.gaps)), notices=list(reversed(report.notices)))
    assert text_of(other, name, View(include_passed=True)) == text_of(report, name, View(include_passed=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_report_without_findings_can_be_written(report: Report, name: str) -> None:
    written = text_of(replace(report, findings=(), gaps=(), notices=()), name, View(include_passed=True))
    assert bool(written) == (name != "ocsf")  # nothing but events


def test_importing_the_package_imports_no_format() -> None:
    code = "import sys, auditor.report.format; print([m for m in ('tabulate', 'rich', 'pydantic', 'orjson') if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_a_format_gets_all_that_it_says_it_shows_once_its_name_is_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written: list[tuple[Report, View]] = []
    module = ModuleType("auditor.report.formats.all_there")

    def write(report: Report, _: TerminalLines, view: View) -> None:
        written.append((report, view))

    vars(module)["FORMAT"] = Format("all-there", write, TerminalLines, lists_passes=True)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(formats, "NAMES", (*NAMES, "all-there"))

    with pytest.raises(SystemExit) as ended:
        command_line()(["evaluate", str(SAMPLE), "--complete", "--allow-incomplete", "--exit-zero", "-o", "all-there"])

    ((report, view),) = written
    passes = [finding for finding in report.findings if finding.status is Status.PASS]
    assert (ended.value.code, view.include_passed) == (0, True)
    assert passes
    assert all(finding.evidence for finding in passes)
    shown = capsys.readouterr().err
    assert report.notices
    assert all(f"note: {safe(notice)}" in shown for notice in report.notices)


@pytest.mark.parametrize("name", NAMES)
def test_a_format_goes_by_the_name_of_its_module(name: str) -> None:
    assert named(name).name == name
