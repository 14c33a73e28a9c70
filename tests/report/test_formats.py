from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.model import Report
from auditor.report import FORMATS, Options

GOLDEN = Path(__file__).parent / "golden"
GOLDEN_CASES = {
    "report.json": ("json", Options()),
    "report.csv": ("csv", Options()),
    "report.md": ("markdown", Options(include_passed=True)),
    "table-80.txt": ("table", Options(width=80)),
    "table-200.txt": ("table", Options(width=200, include_passed=True)),
    "table-verbose.txt": ("table", Options(width=100, verbose=True)),
}


def text_of(report: Report, name: str, options: Options) -> str:
    out = io.StringIO(newline="")
    FORMATS[name](report, out, options)
    return out.getvalue()


@pytest.mark.parametrize("file", sorted(GOLDEN_CASES))
def test_a_format_writes_what_was_agreed(report: Report, file: str) -> None:
    """Run with AUDITOR_UPDATE_GOLDEN=1 to accept what is written now."""
    written = text_of(report, *GOLDEN_CASES[file]).encode()
    if os.environ.get("AUDITOR_UPDATE_GOLDEN"):
        (GOLDEN / file).write_bytes(written)
    assert written == (GOLDEN / file).read_bytes()


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_the_order_of_findings_and_gaps_does_not_change_a_byte(report: Report, name: str) -> None:
    shuffled = [*report.findings[::2], *report.findings[1::2]]
    other = replace(report, findings=shuffled, gaps=list(reversed(report.gaps)), notices=list(reversed(report.notices)))
    assert text_of(other, name, Options(include_passed=True)) == text_of(report, name, Options(include_passed=True))


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_report_without_findings_can_be_written(report: Report, name: str) -> None:
    assert text_of(replace(report, findings=(), gaps=(), notices=()), name, Options())


def test_importing_the_package_imports_no_format() -> None:
    code = (
        "import sys, auditor.report; print([m for m in ('tabulate', 'rich', 'pydantic', 'orjson') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
