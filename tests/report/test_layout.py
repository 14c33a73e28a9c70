"""Tables on a terminal show their cells as the texts that they are."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from wcwidth import wcwidth

from auditor.report import layout
from auditor.report.layout import Layout

_CELLS = st.sampled_from(["12,000", "1,000,000", "False", "1e5", "nan", "a-b c", "x" * 30, "word " * 12])


@settings(max_examples=60)
@given(st.lists(st.lists(_CELLS, min_size=2, max_size=2), min_size=1, max_size=4), st.integers(40, 90))
def test_a_cell_is_shown_as_the_text_that_it_is(rows: list[list[str]], width: int) -> None:
    shown = Layout(width, color=False).rows(("one", "two"), rows)
    assert all(len(line) <= width for line in shown)
    for row in rows:
        for cell in (cell.strip() for cell in row):
            pieces = cell.split() if len(cell) < 12 else [cell[:8]]
            assert all(any(piece in line for line in shown) for piece in pieces)


_EVERYDAY = [chr(code) for code in range(sys.maxunicode + 1) if layout.EVERYDAY.fullmatch(chr(code))]


def test_each_character_of_an_everyday_text_takes_one_cell_and_the_blank_is_the_only_space() -> None:
    assert all(wcwidth(one) == layout.cell_width(one) == 1 for one in _EVERYDAY)
    assert [one for one in _EVERYDAY if one.isspace()] == [" "]


_TEXTS = st.text(st.one_of(st.sampled_from("ab-/.,:1  "), st.sampled_from(_EVERYDAY)), max_size=60)


@settings(max_examples=200)
@given(
    rows=st.integers(1, 3).flatmap(
        lambda columns: st.lists(st.lists(_TEXTS, min_size=columns, max_size=columns), min_size=1, max_size=4)
    ),
    width=st.integers(40, 70),
    has_header=st.booleans(),
)
def test_everyday_texts_are_laid_out_as_tabulate_lays_them_out(
    rows: list[list[str]], width: int, *, has_header: bool
) -> None:
    assume(
        not {"True", "False"} & {cell.strip() for row in rows for cell in row}
    )  # where it cuts, it takes both for true
    header = ["a header"] * len(rows[0]) if has_header else []
    ours = Layout(width, color=False).rows(header, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "EVERYDAY", re.compile(r"(?!)"))
        assert ours == Layout(width, color=False).rows(header, rows)
