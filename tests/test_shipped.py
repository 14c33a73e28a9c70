"""Which version of the tool this is: what Python's own library says, found without its import."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
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
        [],
    ],
)
def test_it_is_what_the_library_says(
    folders: Sequence[Sequence[tuple[str, str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = [str(tmp_path / "missing")]
    for number, metadata in enumerate(folders):
        path.append(str(tmp_path / str(number)))
        Path(path[-1]).mkdir()
        for name, text in metadata:
            (tmp_path / str(number) / name).mkdir()
            (tmp_path / str(number) / name / "METADATA").write_text(text)
    monkeypatch.setattr(sys, "path", path)
    try:
        expected = importlib.metadata.version(NAME)
    except importlib.metadata.PackageNotFoundError:
        expected = "0+unknown"

    assert shipped.tool_version.__wrapped__() == expected


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
