"""What is installed is what was locked, with hashes, and the locks hold what the package asks for."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.checkout import ROOT

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+?)(?: ; .*)? \\$", re.MULTILINE)
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
_RUNTIME = [Requirement(text) for text in _PROJECT["project"]["dependencies"]]
_DEV = [Requirement(text) for text in _PROJECT["dependency-groups"]["dev"] if isinstance(text, str)]


def _locked(name: str) -> dict[str, set[Version]]:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    locked: dict[str, set[Version]] = {}
    for package, version in _PINNED.findall(text):
        locked.setdefault(canonicalize_name(package), set()).add(Version(version))
    return locked


@pytest.mark.parametrize(
    ("file", "asked"), [("runtime.txt", _RUNTIME), ("lowest.txt", _RUNTIME), ("dev.txt", [*_RUNTIME, *_DEV])]
)
def test_a_lock_holds_what_is_asked_for(file: str, asked: list[Requirement]) -> None:
    locked = _locked(file)
    for requirement in asked:
        versions = locked[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(version, prereleases=True) for version in versions), requirement


def test_the_lowest_versions_are_the_bounds_themselves() -> None:
    locked = _locked("lowest.txt")
    for requirement in _RUNTIME:
        bounds = [Version(each.version) for each in requirement.specifier if each.operator == ">="]
        found = {str(version) for version in locked[canonicalize_name(requirement.name)]}
        assert any(str(version).startswith(str(bound)) for version in map(Version, found) for bound in bounds), (
            requirement
        )


@pytest.mark.parametrize("file", ["runtime.txt", "lowest.txt", "dev.txt", "image.txt"])
def test_every_locked_package_has_hashes(file: str) -> None:
    blocks = (ROOT / "requirements" / file).read_text(encoding="utf-8").split("\n")
    pins = [number for number, line in enumerate(blocks) if "==" in line and not line.startswith(" ")]
    assert len(pins) > 20
    assert all("--hash=sha256:" in blocks[number + 1] for number in pins)
