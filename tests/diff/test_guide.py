"""The page on drift is run as it stands: files are written, commands are run, and what they print is on the page."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.checkout import ROOT
from tests.e2e.command import in_process

_BLOCK = re.compile(r'^```(json|sh|text)(?: title="(\S+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_EXITS = re.compile(r" # exits (\d)$")


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    out = ""
    for kind, name, text in _BLOCK.findall((ROOT / "docs" / "drift.md").read_text(encoding="utf-8")):
        if kind == "json":
            (tmp_path / name).write_text(text, encoding="utf-8")
        elif kind == "text":
            assert text == out
        for line in text.splitlines() if kind == "sh" else ():
            exits = _EXITS.search(line)
            program, *arguments = shlex.split(line, comments=True)
            ended = in_process(*arguments, at=tmp_path)
            out = ended.out
            assert (program, ended.code) == ("auditor", int(exits[1]) if exits else 0), f"{line}\n{ended.err}"
