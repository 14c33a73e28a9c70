"""The documents on the code say what is there: layers, places, and the way of a resource through it."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

import auditor
from auditor.report.format import View, named
from tests.checkout import ROOT
from tests.e2e.command import estate, storage

ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PAGES = {
    "docs/architecture.md": ARCHITECTURE,
    "CONTRIBUTING.md": (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
}

_WAY = "Following one resource from a file to a row of CSV"


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading of the page on the architecture, without its head."""
    section = ARCHITECTURE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_the_table_of_layers_is_the_contract() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(one for one in project["tool"]["importlinter"]["contracts"] if one["type"] == "layers")
    held = [sorted(part.strip() for part in row.split("|")) for row in contract["layers"]]
    assert [sorted(code(row[0])) for row in rows("Layers")] == held


NEW = [path for row in rows("Four changes, and where they go") for path in code(row[2])]


def places() -> Iterator[tuple[str, str]]:
    for page, text in PAGES.items():
        for name in code(re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
            if re.fullmatch(r"[\w.*-]+(/[\w.*-]*)+|\w+\.(py|toml|yaml|md)", name) and name not in NEW:
                yield page, name


@pytest.mark.parametrize(("page", "place"), sorted(set(places())))
def test_every_place_that_a_page_names_is_there(page: str, place: str) -> None:
    assert any(list(folder.glob(place.rstrip("/"))) for folder in (ROOT, ROOT / "auditor")), page


@pytest.mark.parametrize("path", NEW)
def test_what_a_page_calls_new_has_a_place_and_is_not_there_yet(path: str) -> None:
    assert not (ROOT / path).exists()
    parent = (ROOT / path).parent
    assert parent.is_dir() or parent.parent.is_dir()


def test_the_readme_shows_what_the_demo_prints() -> None:
    command = [sys.executable, ROOT / "scripts" / "readme_demo.py", "--check"]
    ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr


def test_every_package_has_a_place_in_the_table_of_changes() -> None:
    packages = {path.parent.name for path in (ROOT / "auditor").glob("*/__init__.py")}
    assert packages <= set(re.findall(r"`auditor/(\w+)/", PAGES["CONTRIBUTING.md"]))


def test_a_resource_goes_the_way_that_the_page_shows(tmp_path: Path) -> None:
    way = [(ROOT / "auditor" / code(row[0])[0], code(row[1])[0]) for row in rows(_WAY)]
    met: list[tuple[Path, str]] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            place = (Path(frame.f_code.co_filename), frame.f_code.co_name)
            if place in way and place not in met:
                met.append(place)

    path = estate(tmp_path, storage(minimumTlsVersion="TLS1_0"))
    out = io.StringIO(newline="")
    csv = named("csv")
    sys.setprofile(note)
    try:
        report = auditor.evaluate(auditor.load(path), select=["storage-minimum-tls"], complete=True)
        csv.write(report, out, View(include_passed=True))
    finally:
        sys.setprofile(None)
    assert [(place.name, name) for place, name in met] == [(place.name, name) for place, name in way]
    assert len(way) <= 9
    assert "storage-minimum-tls" in out.getvalue()
