"""A command imports what it uses: this is a law on modules, as times depend on the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import ROOT, SAMPLE

HEAVY = (
    *("alembic", "asyncio", "azure", "cryptography", "http", "httpx", "jinja2", "msal", "multiprocessing", "numpy"),
    *("openpyxl", "pandas", "psycopg", "pydantic", "requests", "rich", "sqlalchemy", "ssl", "tabulate", "urllib3"),
    *("xlsxwriter", "yaml"),
)
OWN = (
    *("auditor.rulebook.documents", "auditor.rulebook.validation", "auditor.rulebook.shipped_rules"),
    *(
        "auditor.authoring",
        "auditor.bundle",
        "auditor.collect.run",
        "auditor.diff",
        "auditor.history",
        "auditor.notify",
    ),
    *("auditor.report.formats.sarif", "auditor.report.formats.html", "auditor.report.documents.document_parts"),
    *("auditor.cli.collect", "auditor.cli.content", "auditor.cli.history", "auditor.cli.network"),
)
PROGRAM = f"""
import sys
sys.argv = ["auditor", *sys.argv[1:]]
from auditor.cli import main
try:
    main()
except SystemExit:
    pass
top = {{name.partition(".")[0] for name in sys.modules}}
print("\\nloaded:", sorted(top & set({HEAVY!r})), sorted(set(sys.modules) & set({OWN!r})))
"""


def loaded(place: Path, *arguments: str) -> str:
    """Return what a command has loaded at its end, in a process that may keep what it made for the next."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPYCACHEPREFIX": str(place / "kept"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, env=environment, cwd=place, capture_output=True, text=True, check=True)
    return done.stdout.rpartition("loaded: ")[2].strip()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder where an earlier start has kept what it made."""
    made = tmp_path_factory.mktemp("start")
    loaded(made, "demo")
    return made


@pytest.mark.parametrize(
    "arguments",
    [
        ("demo",),
        ("demo", "--compact"),
        ("evaluate", str(SAMPLE), "--complete", "--as-of", "2024-02-20T12:00:00Z", "--select", "storage-*"),
        ("evaluate", str(SAMPLE), "--fail-on", "high", "-o", "csv=report.csv"),
    ],
    ids=["demo", "compact", "evaluate", "csv"],
)
def test_judging_a_file_loads_nothing_that_it_does_not_use(place: Path, arguments: tuple[str, ...]) -> None:
    assert loaded(place, *arguments) == "[] []"


def test_a_baseline_of_ones_own_is_checked(place: Path) -> None:
    (place / "own.yaml").write_text("{name: own, title: Own, version: '1', extends: openai-chat}")

    assert "pydantic" in loaded(place, "evaluate", str(SAMPLE), "--baseline", "own.yaml")


_AT_THE_END = """
import atexit, gc, sys
atexit.register(lambda: print("hidden from a last look:", gc.get_freeze_count() > 10_000))  # what is registered first comes last
sys.argv = ["auditor", "demo", "--quiet"]
from auditor.cli import main
main()
"""


def test_a_command_ends_without_a_look_for_garbage_in_what_ends_with_it(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _AT_THE_END],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.endswith("hidden from a last look: True\n")
