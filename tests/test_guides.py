"""Guides are run as they stand: files are written and commands are run in the order of the page."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.checkout import ROOT, SAMPLE
from tests.e2e.command import in_process

_BLOCK = re.compile(r"^```(yaml|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXITS = re.compile(r" # exits (\d)$")
_FILE = re.compile(r"# (\S+\.yaml)\n")


@pytest.mark.parametrize("page", ["own-baseline.md"])
def test_a_guide_does_what_it_says(page: str, tmp_path: Path) -> None:
    (tmp_path / "estate.json").write_bytes(SAMPLE.read_bytes())
    for kind, text in _BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8")):
        if kind == "yaml":
            named = _FILE.match(text)
            assert named, f"a file without a name: {text}"
            file = tmp_path / named[1]
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
            continue
        for line in text.splitlines():
            exits = _EXITS.search(line)
            program, *arguments = shlex.split(line, comments=True)
            ended = in_process(*arguments, at=tmp_path)
            assert (program, ended.code) == ("auditor", int(exits[1]) if exits else 0), f"{line}\n{ended.err}"
