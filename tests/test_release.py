"""A release: its version is the tag's, its files are the same whoever builds them, and what it says of itself is so."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tests.checkout import ROOT

_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
_WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))
_ALONE = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "AUDITOR_"))}


def _script(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("version", root / "scripts" / "version.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_DESCRIBED = _script(ROOT)._described  # noqa: SLF001 - the law is about what it makes of what git says
_NUMBERS = st.tuples(*[st.integers(0, 30)] * 3)
_PRE = st.sampled_from(["", "a1", "b2", "rc1"])


@given(_NUMBERS, _PRE, st.integers(0, 500), st.booleans())
def test_a_version_is_the_tags_and_later_commits_lie_between_it_and_the_next(
    numbers: tuple[int, int, int],
    pre: str,
    distance: int,
    dirty: bool,  # noqa: FBT001 - as Hypothesis gives it
) -> None:
    tag = ".".join(map(str, numbers)) + pre
    version = Version(_DESCRIBED(f"v{tag}-{distance}-gabc1234{'-dirty' if dirty else ''}"))
    if distance or dirty:
        following = Version(".".join(map(str, numbers if pre else (*numbers[:2], numbers[2] + 1))))
        assert version < following
        assert (version > Version(tag)) or pre
        assert version.is_devrelease
        assert version.local is not None, "PyPI takes no local version: only a tag can be published"
    else:
        assert str(version) == tag


@pytest.mark.parametrize(
    ("told", "version"),
    [("", ""), ("abc1234", "0.1.0.dev0+gabc1234"), ("abc1234-dirty", "0.1.0.dev0+gabc1234.dirty"), ("release-1", "")],
)
def test_without_a_tag_a_version_is_before_all_others(told: str, version: str) -> None:
    assert _DESCRIBED(told) == version


def _tree(folder: Path) -> Path:
    """Copy what a distribution is built from, without the repository, as a download of the source has it."""
    names = ["auditor", "rules", "baselines", "samples", "scripts", "requirements", "deploy"]
    for name in names:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def _build(tree: Path, out: Path, umask: int, **variables: str) -> dict[str, bytes]:
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(tree)]
    own = {**_ALONE, "SOURCE_DATE_EPOCH": "1700000000", **variables}
    ended = subprocess.run(command, check=False, env=own, capture_output=True, text=True, umask=umask)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return {path.name: path.read_bytes() for path in out.iterdir()}


def test_what_is_built_twice_is_the_same_to_the_byte(tmp_path: Path) -> None:
    builds = []
    for number, umask in enumerate([0o022, 0o077]):
        tree = _tree(tmp_path / f"tree-{number}")
        for path in tree.rglob("*"):
            os.utime(path, (1_600_000_000 + number, 1_600_000_000 + number))
        variables = {"PYTHONHASHSEED": str(number), "AUDITOR_BUILD_VERSION": "1.2.3"}
        builds.append(_build(tree, tmp_path / f"out-{number}", umask, **variables))
    assert builds[0].keys() == {"estate_auditor-1.2.3.tar.gz", "estate_auditor-1.2.3-py3-none-any.whl"}
    assert builds[0] == builds[1]


def test_a_tree_without_a_repository_builds_and_a_source_distribution_keeps_its_version(tmp_path: Path) -> None:
    tree = _tree(tmp_path / "tree")
    assert "estate_auditor-0+unknown.tar.gz" in _build(tree, tmp_path / "unknown", 0o022)
    _build(tree, tmp_path / "out", 0o022, AUDITOR_BUILD_VERSION="1.2.3")
    shutil.unpack_archive(tmp_path / "out" / "estate_auditor-1.2.3.tar.gz", tmp_path / "unpacked", filter="data")
    again = _build(tmp_path / "unpacked" / "estate_auditor-1.2.3", tmp_path / "again", 0o022)
    wheel = "estate_auditor-1.2.3-py3-none-any.whl"
    assert again[wheel] == (tmp_path / "out" / wheel).read_bytes()


def test_a_version_comes_from_the_tag_of_its_own_repository_only(tmp_path: Path) -> None:
    (tmp_path / "inner" / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "version.py", tmp_path / "inner" / "scripts")

    def git(*arguments: str, at: Path) -> None:
        named = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *named, *arguments], check=True, cwd=at, env=_ALONE, capture_output=True)

    def commit(at: Path) -> None:
        git("init", "--quiet", at=at)
        git("add", ".", at=at)
        git("commit", "--quiet", "-m", "all", at=at)
        git("tag", "v1.4.0", at=at)

    commit(tmp_path)
    assert _script(tmp_path / "inner").found() == "0+unknown"
    commit(tmp_path / "inner")
    assert _script(tmp_path / "inner").found() == "1.4.0"
    git("commit", "--quiet", "--allow-empty", "-m", "more", at=tmp_path / "inner")
    assert re.fullmatch(r"1\.4\.1\.dev1\+g[0-9a-f]+", _script(tmp_path / "inner").found())


def test_the_interpreters_that_are_named_are_those_that_it_installs_on() -> None:
    named = {each.rpartition(" ")[2] for each in _PROJECT["classifiers"] if re.search(r":: 3\.\d+$", each)}
    allowed = SpecifierSet(_PROJECT["requires-python"])
    assert named == {"3.11", "3.12", "3.13"}
    assert all(allowed.contains(f"{version}.0") for version in named)
    assert not allowed.contains("3.10.99")
    page = (ROOT / "docs" / "releases.md").read_text(encoding="utf-8")
    assert all(f"| {version} |" in page for version in named)


_SECTIONS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
_HEADING = re.compile(
    r"## \[(?:(Unreleased)|(\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?))\](?: - (\d{4}-\d{2}-\d{2}))?( \[YANKED\])?"
)


def problems_of(changelog: str) -> list[str]:
    """Say what is not as https://keepachangelog.com/en/1.1.0/ wants it."""
    lines = changelog.splitlines()
    found = [] if lines[:1] == ["# Changelog"] else ["the first line is not '# Changelog'"]
    releases: list[tuple[str, str]] = []
    sections: list[str] = []
    for line in lines:
        if line.startswith("## "):
            heading = _HEADING.fullmatch(line)
            if heading is None or bool(heading[2]) != bool(heading[3]):
                found.append(f"no release: {line}")
                continue
            releases.append((heading[2] or "", heading[3] or ""))
            sections = []
        elif line.startswith("### "):
            found += _problems_of_section(line, sections if releases else None)
            sections.append(line)
        elif line.startswith("- ") and not sections:
            found.append(f"of no kind: {line[:60]}")
    return [*found, *_problems_of_order(releases)]


def _problems_of_section(line: str, before: list[str] | None) -> list[str]:
    if before is None or line.removeprefix("### ") not in _SECTIONS:
        return [f"no kind of change: {line}"]
    return [f"twice in a release: {line}"] if line in before else []


def _problems_of_order(releases: list[tuple[str, str]]) -> list[str]:
    versions = [Version(version) for version, _ in releases if version]
    dates = [date for version, date in releases if version]
    found = [] if releases else ["no release at all"]
    if any(not version for version, _ in releases[1:]):
        found.append("what is unreleased does not stand first")
    if versions != sorted(set(versions), reverse=True) or dates != sorted(dates, reverse=True):
        found.append("releases do not stand the newest first")
    return found


def test_the_changelog_is_one_that_is_kept() -> None:
    assert problems_of((ROOT / "CHANGELOG.md").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# Changes\n## [1.0.0] - 2024-01-01\n", "the first line"),
        ("# Changelog\n", "no release at all"),
        ("# Changelog\n## 1.0.0\n", "no release: ## 1.0.0"),
        ("# Changelog\n## [1.0.0]\n", "no release: ## [1.0.0]"),
        ("# Changelog\n## [Unreleased]\n### News\n", "no kind of change: ### News"),
        ("# Changelog\n## [Unreleased]\n### Added\n### Added\n", "twice in a release"),
        ("# Changelog\n## [Unreleased]\n- x\n", "of no kind: - x"),
        ("# Changelog\n## [1.0.0] - 2024-01-01\n## [Unreleased]\n", "does not stand first"),
        ("# Changelog\n## [1.0.0] - 2024-01-01\n## [1.1.0] - 2024-02-01\n", "the newest first"),
    ],
)
def test_a_changelog_that_is_not_is_found_out(text: str, problem: str) -> None:
    assert any(problem in each for each in problems_of(text))


def test_the_release_workflow_is_of_its_schema_and_pins_what_it_uses() -> None:
    path = ROOT / ".github" / "workflows" / "release.yml"
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    used = [step["uses"] for job in _WORKFLOW["jobs"].values() for step in job["steps"] if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", each) for each in used)


def test_only_the_job_that_publishes_has_an_identity_and_it_runs_nothing_of_the_repository() -> None:
    assert _WORKFLOW["permissions"] == {}
    build, publish = _WORKFLOW["jobs"]["build"], _WORKFLOW["jobs"]["publish"]
    assert build["permissions"] == {"contents": "read"}
    assert publish["permissions"] == {"id-token": "write", "attestations": "write"}
    assert (publish["needs"], publish["environment"]["name"]) == ("build", "pypi")
    assert not any("run" in step or "checkout" in step["uses"] for step in publish["steps"])
    last = publish["steps"][-1]
    assert (last["uses"].partition("@")[0], last["with"]) == ("pypa/gh-action-pypi-publish", {"attestations": True})
    assert "${{" not in "".join(step.get("run", "") for step in build["steps"])


@pytest.mark.parametrize(("tag", "code"), [("v1.2.3", 0), ("v1.2.4", 1)])
def test_a_tag_that_is_not_the_version_is_not_published(tmp_path: Path, tag: str, code: int) -> None:
    script = next(step["run"] for step in _WORKFLOW["jobs"]["build"]["steps"] if "the tag" in step.get("name", ""))
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "estate_auditor-1.2.3.tar.gz").touch()
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## [1.2.3] - 2026-01-01\n")
    ended = subprocess.run(["bash", "-c", script], check=False, cwd=tmp_path, env={**_ALONE, "GITHUB_REF_NAME": tag})
    assert ended.returncode == code
