"""What two inputs hold alike is one object, and each of them is read as it would be alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.inputs.read import read
from auditor.inputs.shared_rows import SharedRows
from auditor.model import Resource
from auditor.redaction.body import Redactor
from auditor.snapshot import file
from auditor.snapshot.model import Snapshot
from tests.estates.accounts import account, resource

VALUES = st.sampled_from(
    [
        0,
        1,
        True,
        False,
        1.0,
        "1",
        None,
        [],
        {},
        [1, True],
        {"a": 1, "b": 2},
        {"b": 2, "a": 1},
        "AccountKey=c2VjcmV0c2VjcmV0;",
    ]
)


def _exactly(snapshot: Snapshot) -> list[tuple[str, Any]]:
    return [
        (json.dumps(row.body), (row.key, row.source, row.api_version, row.collected_at)) for row in snapshot.resources
    ]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=4))
def test_sharing_changes_nothing_of_what_is_read(tmp_path_factory: Any, pairs: list[tuple[Any, Any]]) -> None:
    folder: Path = tmp_path_factory.mktemp("states")
    sources = []
    for place in (0, 1):
        bodies = [account(f"st{number}", setting=pair[place]) for number, pair in enumerate(pairs)]
        sources.append(folder / f"{place}.json")
        sources[-1].write_text(json.dumps(bodies), encoding="utf-8")
    redactor, shared = Redactor(b"a key that is long enough"), SharedRows()
    together = [read(source, redactor=redactor, shared=shared) for source in sources]
    alone = [read(source, redactor=redactor) for source in sources]
    for one, other in zip(together, alone, strict=True):
        assert _exactly(one) == _exactly(other)
        assert (one.sha256, one.gaps) == (other.sha256, other.gaps)
    pairs_of = {f"st{number}": pair for number, pair in enumerate(pairs)}
    for old, new, row in zip(together[0].resources, together[1].resources, alone[1].resources, strict=True):
        is_alike = json.dumps(pairs_of[row.name][0]) == json.dumps(pairs_of[row.name][1])
        assert (old is new) is is_alike


def test_of_another_time_the_body_alone_is_shared() -> None:
    body = resource("Microsoft.Storage/storageAccounts", "st")
    shared = SharedRows()
    rows = [[Resource.of(body, collected_at=f"2026-0{month}-01T00:00:00Z")] for month in (1, 2)]
    old, new = (shared.each(one, lambda row: row)[0] for one in rows)
    assert old is not new
    assert old.body is new.body
    assert new.collected_at == "2026-02-01T00:00:00Z"


def test_snapshots_share_the_rows_that_they_hold_alike(tmp_path: Path) -> None:
    export, kept, later = tmp_path / "export.json", tmp_path / "kept.snapshot", tmp_path / "later.snapshot"
    for path, bodies in ((kept, [account("a"), account("b")]), (later, [account("a"), account("b", httpsOnly=True)])):
        export.write_text(json.dumps(bodies), encoding="utf-8")
        file.write(read(export), path)
    shared = SharedRows()
    old, new = (read(source, shared=shared) for source in (kept, later))
    assert [one is other for one, other in zip(old.resources, new.resources, strict=True)] == [True, False]
