from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import AuditorError, SnapshotError
from auditor.inputs.read import read
from auditor.snapshot import exchange, file
from tests.conftest import ReadDocument
from tests.snapshot.test_file import SNAPSHOT


@pytest.mark.parametrize("name", ["estate.jsonl", "estate.jsonl.zst"])
def test_what_was_exported_is_imported(name: str, tmp_path: Path) -> None:
    exchange.export(SNAPSHOT, tmp_path / name)
    assert read(tmp_path / name) == SNAPSHOT


def test_file_export_import_file_keeps_identity_and_bytes(
    chat_document: dict[str, Any], read_document: ReadDocument, tmp_path: Path
) -> None:
    snapshot = read_document(chat_document)
    exchange.export(snapshot, tmp_path / "one.jsonl.zst")
    file.write(read(tmp_path / "one.jsonl.zst"), tmp_path / "two")
    exchange.export(read(tmp_path / "two"), tmp_path / "three.jsonl.zst")
    assert read(tmp_path / "two").sha256 == snapshot.sha256
    assert (tmp_path / "three.jsonl.zst").read_bytes() == (tmp_path / "one.jsonl.zst").read_bytes()


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda data: data[: data.rindex(b'{"facet"')],
    "not valid JSON": lambda data: data[:-5],
    "its hash differs": lambda data: data.replace(b"Enabled", b"Disabled", 1),
    "line 2, is no resource": lambda data: data.replace(b'"id":"/subscriptions', b'"id":"x', 1),
    "neither resource nor gap": lambda data: data.replace(b'{"facet"', b'{"other"'),
    "format 9": lambda data: data.replace(b'"version":1', b'"version":9'),
    "a gap that cannot be read": lambda data: data.replace(b'"reason":"failed",', b""),
    "metadata": lambda data: data.replace(b'"complete":true', b'"complete":[]', 1),
}


@pytest.mark.parametrize("problem", CHANGES)
def test_a_changed_export_is_refused_in_one_line(problem: str, tmp_path: Path) -> None:
    path = tmp_path / "estate.jsonl"
    exchange.export(SNAPSHOT, path)
    path.write_bytes(CHANGES[problem](path.read_bytes()))
    with pytest.raises(AuditorError, match=problem) as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="cannot be written"):
        exchange.export(SNAPSHOT, tmp_path / "no" / "estate.jsonl")
