"""Findings as Parquet hold what the CSV holds, with types, in a folder for each subscription."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from pathlib import Path

import pytest

from auditor import audit
from auditor.errors import AuditorError
from auditor.inputs import read
from auditor.model import Report
from auditor.report.format import View, named
from auditor.report.formats.csv import COLUMNS
from tests.audit.judging import shipped
from tests.checkout import ROOT, SAMPLE
from tests.e2e.command import auditor

pyarrow = pytest.importorskip("pyarrow", reason="the extra [dask] is not installed")
dataset = pytest.importorskip("pyarrow.dataset")
from auditor.report import data_set  # noqa: E402 - it needs pyarrow

VIEW = View(include_passed=True)
HIVE = {"format": "parquet", "partitioning": "hive"}


@pytest.fixture(scope="module")
def report() -> Report:
    return audit.audit(read.read(SAMPLE), shipped(), audit.Terms(complete=True))


def as_cell(value: object) -> str:
    """Return a value as the CSV spells it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def unguarded(cell: str) -> str:
    """Return a cell without the signs by which a spreadsheet takes it for a text."""
    return cell.removeprefix("'")


def test_each_row_of_the_csv_is_a_row_with_types(report: Report, tmp_path: Path) -> None:
    text = io.StringIO(newline="")
    named("csv").write(report, text, VIEW)
    expected = list(csv.DictReader(io.StringIO(text.getvalue(), newline="")))

    data_set.write(report, str(tmp_path / "findings"), VIEW)
    table = dataset.dataset(tmp_path / "findings", **HIVE).to_table()

    assert set(table.column_names) == set(COLUMNS)
    schema = {field.name: str(field.type) for field in table.schema}
    assert schema["exempted"] == "bool"
    assert schema["scanned_at_utc"] == "timestamp[us, tz=UTC]"
    assert schema["exemption_expires_on"] == "date32[day]"
    written = {row["fingerprint"]: row for row in table.to_pylist()}
    assert len(written) == len(expected) == table.num_rows
    for row in expected:
        own = written[unguarded(row["fingerprint"])]
        for name in COLUMNS:
            found = as_cell(own[name])
            wanted = unguarded(row[name])
            assert (
                found.lower() == wanted.lower() if name == data_set.PARTITION else found == wanted or found.isspace()
            ), name


def test_each_subscription_has_a_folder_and_the_same_report_the_same_bytes(report: Report, tmp_path: Path) -> None:
    data_set.write(report, str(tmp_path / "one"), VIEW)
    data_set.write(report, str(tmp_path / "two"), VIEW)

    files = sorted(each.relative_to(tmp_path / "one") for each in (tmp_path / "one").rglob("*.parquet"))
    folders = [each.parts[0] for each in files]
    assert len(folders) > 1
    assert data_set.NO_SUBSCRIPTION in folders[0]
    assert all(each.startswith("subscription_id=") for each in folders)
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["one", "two"]


def test_a_data_set_goes_wherever_fsspec_writes(report: Report, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    data_set.write(report, str(tmp_path / "near"), VIEW)
    data_set.write(report, "memory://far/findings", VIEW)

    far = dataset.dataset("/far/findings", filesystem=fsspec.filesystem("memory"), **HIVE).to_table()
    assert far.equals(dataset.dataset(tmp_path / "near", **HIVE).to_table())
    with pytest.raises(AuditorError, match="memory://far/findings is there already, and not empty"):
        data_set.write(report, "memory://far/findings", VIEW)


def test_it_stands_beside_the_ordinary_report(tmp_path: Path) -> None:
    alone = auditor("evaluate", SAMPLE, "--complete", at=tmp_path)
    beside = auditor("evaluate", SAMPLE, "--complete", "-o", "parquet=findings", at=tmp_path)
    listed = auditor(
        "evaluate", SAMPLE, "--complete", "-o", "json", "-o", f"parquet=file://{tmp_path}/more", at=tmp_path
    )

    assert (beside.code, beside.out) == (alone.code, alone.out)
    assert listed.code == 1
    for name in ("findings", "more"):
        assert dataset.dataset(tmp_path / name, **HIVE).count_rows() == len(listed.findings)


def test_what_is_there_is_never_mixed_with_it(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()

    for text, words in (
        ("parquet", "--output parquet: goes to a folder"),
        ("parquet=full", "full is there already, and not empty"),
        ("parquet=nowhere/findings", "nowhere/findings: cannot be written (its folder does not exist)"),
    ):
        ended = auditor("evaluate", SAMPLE, "-o", text, at=tmp_path)
        assert ended.code == 2
        assert words in ended.err


def test_without_the_extra_it_is_told_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "pyarrow.py").write_text("raise ImportError('not here')\n", encoding="utf-8")

    ended = auditor(
        *("evaluate", SAMPLE, "-o", "parquet=findings"), at=tmp_path, env={"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    )

    assert ended.code == 2
    assert "the format parquet needs the package pyarrow, which is not installed" in ended.err


def test_a_date_is_a_date(report: Report) -> None:
    assert data_set._value("exemption_expires_on", "2026-01-31") == date(2026, 1, 31)  # noqa: SLF001 - what files hold
    assert data_set._value("exemption_expires_on", "soon") is None  # noqa: SLF001 - as above
    assert data_set._value("message", "") is None  # noqa: SLF001 - as above
    assert report.findings
