"""No command writes over what it reads, nor two outputs to one file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.command import estate, in_process, is_one_line, storage

ENTRY = {"rule": "storage-https-only", "scope": storage()["id"], "reason": "r", "approved_by": "a", "ticket": "T-1"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with an estate, a second name for it, a known file and exemptions."""
    given = estate(tmp_path, storage(minimumTlsVersion="TLS1_0"))
    shutil.copy(given, tmp_path / "later.json")
    (tmp_path / "link.json").symlink_to("estate.json")
    entry = {**ENTRY, "expires_on": "2030-01-01"}
    (tmp_path / "ex.yaml").write_text(json.dumps({"exemptions": [entry]}), encoding="utf-8")
    assert in_process("ratchet", "write", given, "-o", "known.json", "--complete", at=tmp_path).code == 0
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate", "estate.json", "-o", "csv=estate.json"),
        ("evaluate", "estate.json", "-o", "csv=./link.json"),
        ("evaluate", "link.json", "-o", "csv=estate.json"),
        ("evaluate", "estate.json", "--known", "known.json", "-o", "json=known.json"),
        ("evaluate", "estate.json", "--exemptions", "ex.yaml", "-o", "table=ex.yaml"),
        ("evaluate", "estate.json", "-o", "csv=a.csv", "-o", "json=./a.csv"),
        ("demo", "-o", "csv=a.csv", "-o", "csv=a.csv"),
        ("diff", "estate.json", "later.json", "-o", "json=later.json"),
        ("diff", "estate.json", "later.json", "-o", "json=a", "-o", "markdown=a"),
        ("snapshot", "import", "estate.json", "-o", "estate.json"),
        ("snapshot", "export", "estate.json", "-o", "link.json"),
        ("bundle", "create", "estate.json", "--complete", "-o", "estate.json"),
    ],
    ids=" ".join,
)
def test_nothing_is_written_over(folder: Path, arguments: tuple[str, ...]) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    ended = in_process(*arguments, at=folder)

    assert (ended.code, ended.out, is_one_line(ended.err)) == (2, "", True), ended.err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_report_of_yesterday_and_a_device_are_written_over(folder: Path) -> None:
    for _ in range(2):
        outputs = ("-o", "csv=a.csv", "-o", "json=/dev/null", "-o", "table=/dev/null")
        assert in_process("evaluate", "estate.json", "--complete", "--exit-zero", *outputs, at=folder).code in {0, 2}
    assert (folder / "a.csv").read_text(encoding="utf-8").startswith("schema_version,")
