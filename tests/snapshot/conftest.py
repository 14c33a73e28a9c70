"""What the tests of snapshots share: the reference estate, and reading a document as a file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor.inputs.read import read
from auditor.snapshot.model import Snapshot

ReadDocument = Callable[[Any], Snapshot]


@pytest.fixture(scope="session")
def reference() -> dict[str, Any]:
    beside = Path(__file__).resolve().parents[3] / "shared"
    path = Path(os.environ.get("AUDITOR_SHARED", beside)) / "data/reference-estate/2024-02.json"
    if not path.is_file():
        pytest.skip(f"the reference estate is not at {path}")
    estate: dict[str, Any] = json.loads(path.read_text())
    return estate


@pytest.fixture(scope="session")
def read_document(tmp_path_factory: pytest.TempPathFactory) -> ReadDocument:
    path = tmp_path_factory.mktemp("documents") / "estate.json"

    def read_one(document: Any) -> Snapshot:
        path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
        return read(path)

    return read_one
