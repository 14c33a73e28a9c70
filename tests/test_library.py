"""The library: what its page shows is true, importing it costs nothing, and its names stay what they are."""

from __future__ import annotations

import doctest
import importlib.metadata
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

import auditor
from tests.checkout import ROOT, SAMPLE
from tests.collect.conftest import estate, resource
from tests.simulator.client import Simulator


def test_the_page_on_the_library_shows_what_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    page = str(ROOT / "docs" / "library.md")
    result = doctest.testfile(page, module_relative=False, optionflags=doctest.ELLIPSIS)
    assert result.attempted > 5
    assert result.failed == 0


_IMPORTED = """
import sys
import auditor
print(sorted({name.partition(".")[0] for name in sys.modules} & {"azure", "pydantic", "yaml", "orjson", "typer"}))
print([name for name in sys.modules if name.startswith("auditor.") and name.count(".") == 1])
"""


def test_importing_it_loads_none_of_the_engine() -> None:
    ended = subprocess.run([sys.executable, "-c", _IMPORTED], cwd=ROOT, check=True, capture_output=True, text=True)
    assert ended.stdout.splitlines() == ["[]", "['auditor.collect']"]


def test_collect_stays_a_function_whatever_is_imported() -> None:
    script = "import auditor.collect.run; import auditor; print(callable(auditor.collect))"
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)
    assert ended.stdout == "True\n"


def test_all_that_is_named_is_there_and_nothing_else() -> None:
    assert all(getattr(auditor, name) is not None for name in auditor.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Sanpshot'"):
        _ = auditor.Sanpshot  # type: ignore[attr-defined]


def test_it_says_that_it_is_typed_and_which_version_it_is() -> None:
    assert (ROOT / "auditor" / "py.typed").is_file()
    assert auditor.__version__ == importlib.metadata.version("estate-auditor")


def test_a_time_of_judgement_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="as_of needs a time zone"):
        auditor.evaluate(auditor.load(SAMPLE), as_of=datetime(2024, 1, 1))  # noqa: DTZ001 - that is the mistake


def test_what_is_collected_is_returned_and_kept(simulator: Simulator, tmp_path: Path) -> None:
    simulator.serve(estate(resource("Microsoft.KeyVault/vaults/kv")))
    path = tmp_path / "estate.snapshot"
    snapshot = auditor.collect(path, auth="managed-identity", arm_endpoint=simulator.url)
    assert "kv" in [one.name for one in snapshot.resources]
    assert auditor.load(path) == snapshot
