"""Run the command line in this process, where a process of its own for each of many cases would take long."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.e2e.command import Run, in_process


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a way to run the command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return partial(in_process, at=tmp_path)
