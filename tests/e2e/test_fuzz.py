"""Spoilt inputs of each kind, the same in each run; `python -m tests.fuzz` tries more."""

from __future__ import annotations

import pytest

from tests.fuzz import KINDS, fuzz

CASES = 8


@pytest.mark.parametrize("kind", KINDS)
def test_a_spoilt_input_is_judged_or_refused_in_time_and_in_the_tool_s_own_words(kind: str) -> None:
    result = fuzz(KINDS[kind], seed=0, cases=CASES)
    assert result.broken == []
    assert result.codes.total() == CASES
