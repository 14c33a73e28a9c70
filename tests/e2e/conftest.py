"""Run the command line in this process, where a process of its own for each of many cases would take long."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from auditor.cli import main
from tests.e2e.command import Ended, Run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Return a way to run the command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> Ended:
        monkeypatch.setattr(sys, "argv", ["auditor", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsysbinary.readouterr()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 1, shown.out.decode(), shown.err.decode())

    return run
