"""Guides are run as they stand: files are written, commands are run in the order of the page, and print what it shows."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from auditor.cli.streams import PIPED_WIDTH
from tests.checkout import ROOT, SAMPLE
from tests.e2e.command import in_process

_BLOCK = re.compile(r"^```(yaml|json|sh|text)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXITS = re.compile(r" # exits (\d)$")
_FILE = re.compile(r"# (\S+\.yaml)\n")
_LEFT_OUT = re.compile(r"^…\n", re.MULTILINE)


def without_left_out(shown: str, printed: str) -> str:
    """Return what a page shows, each `…` in it filled with the lines that were printed there."""
    parts = [re.escape(part) for part in _LEFT_OUT.split(shown)]
    found = re.search(r"((?:.*\n)*?)".join(parts), printed, re.MULTILINE)
    assert found, f"not printed:\n{shown}\nbut:\n{printed}"
    return found[0]


@pytest.mark.parametrize("page", ["adoption.md", "own-baseline.md", "history.md", "twenty-questions.md"])
def test_a_guide_does_what_it_says(page: str, tmp_path: Path) -> None:
    (tmp_path / "estate.json").write_bytes(SAMPLE.read_bytes())
    printed = ""
    for kind, name, text in _BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8")):
        if kind in {"yaml", "json"}:
            named = name or _FILE.sub(r"\1", text.splitlines(keepends=True)[0])
            assert named.endswith(f".{kind}"), f"a file without a name: {text}"
            file = tmp_path / named
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            continue
        if kind == "text":
            assert without_left_out(text, printed)
            continue
        for line in text.splitlines():
            exits = _EXITS.search(line)
            program, *arguments = shlex.split(line, comments=True)
            if program == "sed":
                _edit(*arguments, at=tmp_path)
                continue
            ended = in_process(*arguments, at=tmp_path, env={"COLUMNS": str(PIPED_WIDTH)})
            assert (program, ended.code) == ("auditor", int(exits[1]) if exits else 0), f"{line}\n{ended.err}"
            printed = ended.out


def test_another_architecture_is_less_than_a_hundred_lines_of_data() -> None:
    guide = (ROOT / "docs" / "own-baseline.md").read_text(encoding="utf-8").partition("\n## 6. ")[2]
    files = [text for kind, _, text in _BLOCK.findall(guide) if kind in {"yaml", "json"}]

    assert len(files) == 4
    assert sum(text.count("\n") for text in files) < 100


def test_a_page_asks_twenty_questions_and_shows_each_answer() -> None:
    text = (ROOT / "docs" / "twenty-questions.md").read_text(encoding="utf-8")
    asked = re.findall(r"^### (\d+)\. .*\?$", text, re.MULTILINE)
    assert asked == [str(place) for place in range(1, 21)]
    assert len(re.findall(r"^```text$", text, re.MULTILINE)) == len(asked)


def test_what_a_page_shows_and_nobody_printed_is_found() -> None:
    assert without_left_out("one\n…\nthree\n…\n", "zero\none\ntwo\nthree\nfour\n")
    for shown in ("one\nthree\n", "three\n…\none\n", "one\n…\nfive\n"):
        with pytest.raises(AssertionError, match="not printed"):
            without_left_out(shown, "zero\none\ntwo\nthree\nfour\n")


def _edit(*arguments: str, at: Path) -> None:
    """Run an edit of a file into another one, which has to change something."""
    *edit, source, arrow, target = arguments
    edited = subprocess.run(["sed", *edit, source], cwd=at, check=True, capture_output=True).stdout
    assert (arrow, edited != (at / source).read_bytes()) == (">", True)
    (at / target).write_bytes(edited)
