"""A snapshot is one estate whatever it went through; what is none is refused in one line and nothing is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.snapshot import file as snapshots
from auditor.snapshot.hash import assemble
from auditor.snapshot.model import Metadata
from auditor.snapshot.normalise import ExportEntry, normalise
from tests.e2e.command import SAMPLE, Run, auditor, in_process, is_one_line, storage


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the sample was imported, exported and imported again."""
    found = tmp_path_factory.mktemp("snapshots")
    for source, action, target in (
        (SAMPLE, "import", "one.snapshot"),
        ("one.snapshot", "export", "one.jsonl.zst"),
        ("one.snapshot", "export", "one.jsonl"),
        ("one.jsonl.zst", "import", "two.snapshot"),
        ("two.snapshot", "export", "two.jsonl.zst"),
    ):
        ended = auditor("snapshot", action, source, "-o", target, at=found)
        assert (ended.code, ended.out) == (0, "")
    return found


def _hash(name: str, folder: Path) -> str:
    shown = in_process("snapshot", "show", name, at=folder).out
    return next(line.split()[-1] for line in shown.splitlines() if "sha256" in line)


def test_import_export_import_gives_the_same_hash_and_bytes(folder: Path) -> None:
    assert _hash("one.snapshot", folder) == _hash("two.snapshot", folder) == _hash("one.jsonl", folder)
    assert (folder / "one.jsonl.zst").read_bytes() == (folder / "two.jsonl.zst").read_bytes()


def test_the_export_the_snapshot_and_the_original_get_the_same_report(folder: Path) -> None:
    """Only the source named beside each value may differ: an export says where a value came from no better."""
    reports = {
        in_process("evaluate", source, "-o", "json", at=folder).out
        for source in (SAMPLE, folder / "one.snapshot", folder / "one.jsonl.zst", folder / "one.jsonl")
    }
    assert len(reports) == 1


def _truncated(good: Path, bad: Path) -> None:
    bad.write_bytes(good.read_bytes()[:-5000])


def _overwritten(good: Path, bad: Path) -> None:
    data = bytearray(good.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 64] = bytes(64)
    bad.write_bytes(data)


def _foreign(_: Path, bad: Path) -> None:
    with sqlite3.connect(bad) as database:
        database.execute("create table songs (title text)")
    database.close()


def _newer(good: Path, bad: Path) -> None:
    bad.write_bytes(good.read_bytes())
    with sqlite3.connect(bad) as database:
        (version,) = database.execute("pragma user_version").fetchone()
        database.execute(f"pragma user_version = {version + 1}")
    database.close()


@pytest.mark.parametrize("spoil", [_truncated, _overwritten, _foreign, _newer])
@pytest.mark.parametrize("action", ["evaluate", "snapshot show", "snapshot export"])
def test_what_is_no_whole_snapshot_is_refused(
    spoil: Callable[[Path, Path], None], action: str, folder: Path, run: Run, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.snapshot"
    spoil(folder / "one.snapshot", bad)
    target = () if action == "snapshot show" else ("-o", "out.jsonl" if "export" in action else "json=out.json")
    before = bad.read_bytes()
    ended = run(*action.split(), bad, *target)

    assert (ended.code, ended.out) == (2, "")
    assert is_one_line(ended.err)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.snapshot"]
    assert bad.read_bytes() == before


def test_show_says_what_is_inside(folder: Path) -> None:
    shown = in_process("snapshot", "show", "one.snapshot", at=folder).out
    assert "microsoft.network/privateendpoints" in shown.lower()
    assert "gaps" in shown.lower()


def test_a_snapshot_is_not_written_over_by_its_own_export(folder: Path) -> None:
    ended = in_process("snapshot", "export", "one.snapshot", "-o", "one.snapshot", at=folder)
    assert (ended.code, is_one_line(ended.err)) == (2, True)


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "soon"])
@pytest.mark.parametrize("where", ["judge_at", "collected_at", "resource"])
def test_a_time_that_lies_outside_the_calendar_is_none(where: str, time: str, run: Run, tmp_path: Path) -> None:
    metadata = Metadata(complete=True, **({where: time} if where != "resource" else {}))
    resources, gaps = normalise([ExportEntry(storage(), "", "arm", None, time if where == "resource" else None)])
    snapshots.write(assemble(resources, gaps, metadata), tmp_path / "odd.snapshot")
    ended = run("evaluate", "odd.snapshot", "-o", "csv")
    assert ended.code in {1, 2}
    assert len(ended.rows) > 1
    assert "is a bug" not in ended.err
