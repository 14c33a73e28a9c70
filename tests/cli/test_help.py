"""What `--help` shows: options in groups, and examples that can be typed; so can those in the documentation."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from auditor.cli.app import command_line
from tests.checkout import ROOT
from tests.e2e.command import in_process

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = get_command(command_line())


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    below = getattr(command, "commands", {})
    if not below:
        yield path, command
    for name, inner in below.items():
        yield from commands(inner, (*path, name))


def typed() -> Iterator[tuple[str, str]]:
    """Yield each command line of the tool that a page or an epilog shows."""
    for page in PAGES:
        for block in re.findall(r"^```(?:sh|bash|console)\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
            for line in block.replace("\\\n", " ").splitlines():
                if match := re.match(r"(?:\$ )?(auditor [a-z].*)", line.strip()):
                    yield page.name, match[1]
    for path, command in commands(COMMAND):
        for line in re.findall(r"^  (auditor .*)$", command.epilog or "", re.MULTILINE):
            yield " ".join(path), line


def words_of(line: str) -> list[str]:
    words = shlex.split(line, comments=True)
    ends = [position for position, word in enumerate(words) if re.fullmatch(r"[|;&]{1,2}|\d?>{1,2}.*|<.*", word)]
    return words[1 : min(ends, default=len(words))]


@pytest.mark.parametrize(("place", "line"), sorted(set(typed())), ids=str)
def test_an_example_names_commands_and_options_that_exist(place: str, line: str) -> None:
    command: Any = COMMAND
    words = words_of(line)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    assert not getattr(command, "commands", {}) or words[:1] in (["--help"], ["-h"], ["--version"], ["-V"]), (
        place,
        line,
    )
    known = {text for parameter in command.params for text in (*parameter.opts, *parameter.secondary_opts)}
    used = {word.partition("=")[0] for word in words if re.match(r"--[a-z]|-[a-zA-Z]$", word)}
    assert used <= known | {"--help", "-h", "--version", "-V"}, (place, line)


def test_there_are_examples_to_compare() -> None:
    assert len(list(typed())) > 20


@pytest.mark.parametrize("command", ["evaluate", "scan", "collect", "demo", "explain", "why"])
def test_options_stand_in_groups_and_none_is_lost(command: str, tmp_path: Path) -> None:
    out = in_process(command, "--help", at=tmp_path).out
    own = next(inner for path, inner in commands(COMMAND) if path == (command,))
    names = [
        name for each in own.params if each.param_type_name == "option" for name in each.opts if name.startswith("--")
    ]
    assert [name for name in names if name not in out] == []
    headings = re.findall(r"^([A-Z][a-z ]+):$", out, re.MULTILINE)
    assert headings[-1] in {"Options", "Examples"}
    assert (
        len({"Judged by", "What is written", "The table", "What is read"} & set(headings)) >= 2 or command == "explain"
    )
