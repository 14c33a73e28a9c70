"""A question about what no run has asked is no question that nothing answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.command import in_process, is_one_line
from tests.history.scans import account, day, scan


@pytest.mark.parametrize("question", ["list", "trend"])
@pytest.mark.parametrize(
    ("option", "known"),
    [("--of-baseline", "openai-chat"), ("--rule", "storage-minimum-tls")],
)
def test_a_baseline_or_rule_that_no_run_has_asked_is_refused(
    tmp_path: Path, question: str, option: str, known: str
) -> None:
    scan(tmp_path, "h.db", day(1), account("st1"))

    wrong = in_process("history", question, "--history", "h.db", option, f"{known}x", at=tmp_path)
    right = in_process("history", question, "--history", "h.db", option, known, at=tmp_path)

    assert (wrong.code, wrong.out, is_one_line(wrong.err)) == (2, "", True)
    assert known in wrong.err
    assert right.code == 0
