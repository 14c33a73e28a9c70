"""The manual page says what `--help` says, of each command; completion offers each of them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from auditor.cli.app import command_line
from tests.e2e.command import auditor, in_process

_OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*", re.IGNORECASE)


def _leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    commands = getattr(command, "commands", None)
    if not commands:
        yield path
    for name, inner in (commands or {}).items():
        yield from _leaves(inner, (*path, name))


_COMMANDS = sorted(_leaves(get_command(command_line())))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    ended = in_process("man", at=tmp_path_factory.mktemp("man"))
    assert (ended.code, ended.err) == (0, "")
    return ended.out


def _words(text: str) -> str:
    """Return text without what one page breaks or escapes otherwise than another."""
    plain = text.replace("\\-", "-").replace("\\&", "").replace("\\e", "\\").replace("\\[u2026]", "…")
    return re.sub(r"[\s│]+", "", plain)


@pytest.mark.parametrize("path", _COMMANDS, ids=" ".join)
def test_it_says_of_each_command_what_its_help_says(tmp_path: Path, page: str, path: tuple[str, ...]) -> None:
    section = page.partition(f'.SS "auditor {" ".join(path)}"\n'.replace("-", "\\-"))[2].partition("\n.SS ")[0]
    helped = in_process(*path, "--help", at=tmp_path).out
    assert set(_OPTION.findall(helped)) <= set(_OPTION.findall(section.replace("\\-", "-")))
    told = _words(section)
    paragraphs = [each for each in re.split(r"\n\s*\n", helped) if not re.match(r"[A-Z][\w ]*:", each)]
    assert paragraphs
    assert all(_words(each) in told for each in paragraphs)


def test_it_is_a_page_that_man_can_read(tmp_path: Path, page: str) -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed (Debian: apt-get install groff-base)")
    (tmp_path / "auditor.1").write_text(page, encoding="utf-8")
    command = ["groff", "-man", "-Tutf8", "-ww", "-rCHECKSTYLE=2", str(tmp_path / "auditor.1")]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "--fail-on" in ended.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_offers_commands_and_options(tmp_path: Path, shell: str) -> None:
    def completed(typed: str) -> str:
        words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split(" ")) - 1)}
        if shell != "bash":
            words = {"_TYPER_COMPLETE_ARGS": typed, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
        ended = auditor(at=tmp_path, env={"_AUDITOR_COMPLETE": f"complete_{shell}", **words})
        assert ended.code == 0, ended.err
        return ended.out

    assert "evaluate" in completed("auditor eva")
    assert "renew" in completed("auditor exemption re")
    assert "--fail-on" in completed("auditor evaluate --fail")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_one_that_the_shell_reads(tmp_path: Path, shell: str) -> None:
    ended = auditor(at=tmp_path, env={"_AUDITOR_COMPLETE": f"source_{shell}"})
    assert (ended.code, "_AUDITOR_COMPLETE" in ended.out) == (0, True)
    if shutil.which(shell):
        (tmp_path / "completion").write_text(ended.out)
        assert subprocess.run([shell, "-n", str(tmp_path / "completion")], check=False).returncode == 0
