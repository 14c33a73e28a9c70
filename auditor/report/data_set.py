"""Write findings as a data set: Parquet, a file for each subscription, with the columns of the CSV and their types.

The folder is one of this machine, or wherever fsspec writes (`s3://…`). Subscriptions are folders as Hive, Spark, DuckDB and
pyarrow read them: `subscription_id=…`, so that the column is in no file.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import quote

from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.azure.body import as_time
from auditor.errors import AuditorError
from auditor.inputs.read import is_location
from auditor.model import Finding, Report
from auditor.report.escapes.binary import BinaryFile
from auditor.report.format import DATA_SET, Format, View
from auditor.report.formats.csv import COLUMNS, FindingCells
from auditor.report.selection import streamed

try:
    import pyarrow as pa
    from pyarrow import parquet
except ImportError as problem:
    raise AuditorError(
        f"the format {DATA_SET} needs the package pyarrow, which is not installed",
        "run: pip install 'estate-auditor[dask]'",
    ) from problem

PARTITION: Final = "subscription_id"
NO_SUBSCRIPTION: Final = "__HIVE_DEFAULT_PARTITION__"
"""What Hive calls the partition of rows without a value."""
_ROWS: Final = 20_000


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


_READ: Final[Mapping[str, tuple[Any, Callable[[str], int | bool | date | datetime | None]]]] = {
    "schema_version": (pa.int32(), int),
    "exempted": (pa.bool_(), "true".__eq__),
    "scanned_at_utc": (pa.timestamp("us", "UTC"), as_time),
    "collected_at_utc": (pa.timestamp("us", "UTC"), as_time),
    "first_seen_utc": (pa.timestamp("us", "UTC"), as_time),
    "exemption_expires_on": (pa.date32(), _date),
}
"""The columns that are no texts: their types, and how the CSV's cells are read."""
_WRITTEN: Final[Mapping[str, int]] = {name: at for at, name in enumerate(COLUMNS) if name != PARTITION}
"""The columns of a file, and where they are in the CSV."""
_SCHEMA: Final = pa.schema([(name, _READ[name][0] if name in _READ else pa.string()) for name in _WRITTEN])


def _body(report: Report, out: BinaryFile, view: View) -> None:
    """Write the findings of a report as one file."""
    rows: FindingCells[tuple[str, ...]] = FindingCells(report, tuple, str)
    findings = list(streamed(report, include_passed=view.include_passed))
    with parquet.ParquetWriter(out.bytes, _SCHEMA, compression="zstd") as writer:
        for first in range(0, len(findings), _ROWS):
            cells = [list(chain.from_iterable(rows.row(finding))) for finding in findings[first : first + _ROWS]]
            columns = {name: [_value(name, each[at]) for each in cells] for name, at in _WRITTEN.items()}
            writer.write_table(pa.table(columns, _SCHEMA))


FORMAT: Final[Format[Any]] = Format(DATA_SET, _body, BinaryFile, lists_passes=True, is_binary=True)


def _value(column: str, cell: str) -> object:
    """Return a cell with its type; an empty one is no value."""
    if not cell:
        return None
    return _READ[column][1](cell) if column in _READ else cell


def check(place: str) -> None:
    """Refuse, before any work, a place where no data set can be written. Nothing that is there is ever mixed with it."""
    if not place:
        raise AuditorError(f"--output {DATA_SET}: goes to a folder", f"name one: --output {DATA_SET}=findings")
    if is_location(place):
        return
    folder = Path(place)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise _taken(place)
    if not folder.absolute().parent.is_dir():
        raise AuditorError(f"{place}: cannot be written", "its folder does not exist")


def _taken(place: str) -> AuditorError:
    return AuditorError(f"{place} is there already, and not empty", "name a new folder: data sets are not mixed")


def write(report: Report, place: str, view: View) -> None:
    """Write a report's findings to a folder, which is there as a whole or not at all on this machine."""
    try:
        if is_location(place):
            _write_far(report, place, view)
        else:
            _write_near(report, Path(place), view)
    except OSError as problem:
        raise AuditorError(
            f"{place}: cannot be written: {problem.strerror or problem}", "check the folder"
        ) from problem


def _write_near(report: Report, folder: Path, view: View) -> None:
    check(str(folder))
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.absolute().parent))
    try:
        for name, part in _partitions(report):
            (beside / name).mkdir()
            with (beside / name / "findings.parquet").open("wb") as file:
                _write_part(part, file, view)
        beside.chmod(0o777 & ~_umask())
        with suppress(FileNotFoundError):
            folder.rmdir()
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _umask() -> int:
    known = os.umask(0o077)
    os.umask(known)
    return known


def _write_far(report: Report, place: str, view: View) -> None:
    system, path = import_module("auditor.inputs.remote").file_system(place)
    if system.exists(path) and system.find(path):
        raise _taken(place)
    for name, part in _partitions(report):
        folder = f"{path.rstrip('/')}/{name}"
        system.makedirs(folder, exist_ok=True)
        with system.open(f"{folder}/findings.parquet", "wb") as file:
            _write_part(part, file, view)


def _write_part(part: Report, file: BinaryIO, view: View) -> None:
    with io.TextIOWrapper(file, encoding="utf-8") as stream:
        FORMAT.write(part, stream, view)


def _partitions(report: Report) -> Iterator[tuple[str, Report]]:
    """Yield the folder of each subscription, in lower case, with what a report says of it, in the report's own order."""
    by_subscription: dict[str, list[Finding]] = defaultdict(list)
    for finding in report.findings:
        by_subscription[(ids.subscription_of(finding.resource_id or "") or "").lower()].append(finding)
    for subscription, findings in sorted(by_subscription.items()):
        name = quote(subscription, safe="") if subscription else NO_SUBSCRIPTION
        yield f"{PARTITION}={name}", replace(report, findings=findings)
