"""Both reference implementations are judged the same by one process and by several."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.material import reference_file
from tests.e2e.command import auditor


@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("2024-02.json", ("--complete", "--as-of", "2024-02-20T12:00:00Z")),
        ("2026-07.json", ("--complete", "--as-of", "2026-07-16T12:00:00Z", "--baseline", "foundry-chat")),
        ("2024-02.json", ("--as-of", "2024-02-20T12:00:00Z")),
    ],
)
def test_processes_say_what_one_says(file: str, options: tuple[str, ...], tmp_path: Path) -> None:
    source, asked = reference_file().parent / file, ("--include-passed", "-o", "json", "-o", "csv=report.csv")
    written = set()
    for number in ("1", "2", "3"):
        ended = auditor("-v", "evaluate", source, *options, *asked, "--processes", number, at=tmp_path)
        assert "one process" not in ended.err
        written.add((ended.code, ended.out, (tmp_path / "report.csv").read_bytes()))
    assert len(written) == 1
