"""What a stranger named reaches a pipeline's log, on either stream, and commands nothing there."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.report.format import NAMES, named
from tests.e2e.command import GROUP, Run, estate, is_line_by_line, storage
from tests.report.test_pipeline_log import obeyed

_EVIL = "##vso[task.complete result=Succeeded]"
TEXTS = [name for name in NAMES if named(name).hash_sign]
_NAMES = [_EVIL, "##[error]", "::error::x", "::add-mask::a"]


@pytest.mark.parametrize(
    "arguments",
    [
        *(("evaluate", "-o", name, "-v") for name in TEXTS),
        ("snapshot", "show"),
        ("access", "who-can", "Microsoft.Storage/storageAccounts/read", f"{GROUP}/providers/x/{_EVIL}", "--input"),
    ],
    ids=lambda words: "-".join(words[:3])[:20],
)
def test_neither_stream_carries_a_command(arguments: tuple[str, ...], run: Run, tmp_path: Path) -> None:
    resources = [storage(name) | {"location": f"a\n::error::{name}", "tags": {_EVIL: _EVIL}} for name in _NAMES]
    gaps = [{"scope": GROUP, "what": name, "reason": f"x\n{name}"} for name in _NAMES]
    ended = run(*arguments, estate(tmp_path, *resources, gaps=gaps, name=f"{_EVIL[:20]}.json"))
    assert ended.out or ended.err
    assert (obeyed(ended.out), obeyed(ended.err)) == (None, None)


def test_no_mistake_carries_one(run: Run, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / f"{_EVIL[:20]}.yaml").write_text(f"id: '{_EVIL}'\n'{_EVIL}': '::error::x'\n")
    (tmp_path / "b.yaml").write_text(f"name: '{_EVIL}'\nversion: '1'\nextends: '{_EVIL}'\n'##[x]': 1\n")
    path = estate(tmp_path, storage())
    for arguments in (
        ("evaluate", path, "--rules", "own"),
        ("evaluate", path, "-b", "b.yaml"),
        ("-vv", "evaluate", path, "-b", f"{_EVIL}.yaml"),
        ("evaluate", path, "--select", "::error::x"),
        ("evaluate", f"{_EVIL}.json"),
        ("explain", _EVIL, _EVIL, "--input", path),
    ):
        ended = run(*arguments)
        assert (ended.code, obeyed(ended.err), is_line_by_line(ended.err)) == (2, None, True), ended.err
