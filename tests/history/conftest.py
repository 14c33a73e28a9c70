"""A history of each kind, and small estates that change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.history import postgres


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Postgres]:
    programs = postgres.programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with postgres.running(programs) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return where an empty history of each kind is kept."""
    if request.param == "sqlite":
        return str(tmp_path / "history.db")
    running: postgres.Postgres = request.getfixturevalue("server")
    return running.url()
