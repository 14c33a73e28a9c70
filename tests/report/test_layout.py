"""Tables on a terminal show their cells as the texts that they are."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

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
