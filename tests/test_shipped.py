"""Which version of the tool this is: what Python's own library says, found without its import."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from auditor import shipped

NAME = "estate-auditor"
ONE = ("estate_auditor-1.2.0.dist-info", f"Metadata-Version: 2.4\nName: {NAME}\nVersion: 1.2.0\n\nVersion: 9\n")
TWO = ("estate_auditor-1.3.dev1+g0.dist-info", f"Metadata-Version: 2.4\nName: {NAME}\nVersion: 1.3.dev1+g0\n")
SPELLED = ("Estate.Auditor-1.4.dist-info", "Metadata-Version: 2.1\nName: Estate_Auditor\nVersion: 1.4\n")
EXTRA = ("estate_auditor-extra-7.dist-info", "Metadata-Version: 2.1\nName: estate-auditor-extra\nVersion: 7\n")
LONGER = ("estate_auditor_extra-8.dist-info", "Metadata-Version: 2.1\nName: estate-auditor-extra\nVersion: 8\n")
ARCHIVE = ("", ONE[1].replace("1.2.0", "1.1"))
OTHER = ("zebra-5.dist-info", "Metadata-Version: 2.1\nName: zebra\nVersion: 5\n")


@pytest.mark.parametrize(
    "folders",
    [
        [[ONE]],
        [[OTHER], [ONE, OTHER]],
        [[TWO], [ONE]],
        [[SPELLED], [ONE]],
        [[EXTRA], [ONE]],
        [[LONGER], [ONE]],
        [[LONGER, ONE]],
        [[ONE, TWO]],
        [[OTHER], []],
        [[ARCHIVE], [ONE]],
        [],
    ],
)
def test_it_is_what_the_library_says(
    folders: Sequence[Sequence[tuple[str, str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = [str(tmp_path / "missing")]
    for number, metadata in enumerate(folders):
        path.append(str(tmp_path / str(number)))
        if metadata == [ARCHIVE]:
            with zipfile.ZipFile(path[-1], "w") as archive:
                archive.writestr("estate_auditor-1.1.dist-info/METADATA", ARCHIVE[1])
            continue
        Path(path[-1]).mkdir()
        for name, text in metadata:
            (tmp_path / str(number) / name).mkdir()
            (tmp_path / str(number) / name / "METADATA").write_text(text)
    monkeypatch.setattr(
        sys, "path", [*path, sysconfig.get_path("stdlib")]
    )  # which the library imports its own parts from
    try:
        expected = importlib.metadata.version(NAME)
    except importlib.metadata.PackageNotFoundError:
        expected = "0+unknown"

    assert shipped.tool_version.__wrapped__() == expected


def test_another_finder_of_packages_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    class Distribution(importlib.metadata.Distribution):
        def read_text(self, filename: str) -> str | None:
            return "Name: estate-auditor\nVersion: 6\n" if filename == "METADATA" else None

        def locate_file(self, path: object) -> Path:
            return Path(str(path))

    class Finder:
        @staticmethod
        def find_spec(*_: object) -> None:
            return None

        @staticmethod
        def find_distributions(_: object) -> Sequence[Distribution]:
            return [Distribution()]

    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    assert shipped.tool_version.__wrapped__() == "6"


def test_where_it_is_installed_that_library_is_not_imported(tmp_path: Path) -> None:
    name, text = ONE
    (tmp_path / name).mkdir()
    (tmp_path / name / "METADATA").write_text(text)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from auditor import shipped; "
        "print(shipped.tool_version(), 'importlib.metadata' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert ended.stdout == "1.2.0 False\n"
