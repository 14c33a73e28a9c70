"""What cells decide is what diagrams decide: of all questions about chains, whatever of them is not known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.network import packet_cells
from auditor.network.drawing import Drawing
from auditor.network.likeness import Sketches
from auditor.network.packet_cells import cells_of
from auditor.network.search import Search
from auditor.network.shadowing import effects
from auditor.truth import Truth
from tests.network.cases import PREFIXES, TAGS, groups, rules
from tests.network.test_likeness import POOL, asked, results

BUDGET = settings(max_examples=40, deadline=None)
some_groups = st.lists(groups(PREFIXES, most=5), max_size=3)
doubtful_groups = st.lists(groups(POOL, most=4), min_size=1, max_size=2)
some_rows = st.lists(rules("row", POOL), min_size=1, max_size=2)


def known(filters: list[list[dict[str, Any]]], rows: list[dict[str, Any]], gateway: Any = ()) -> tuple[Search, Drawing]:
    found = asked(filters, rows, "one", is_moved=False, gateway=gateway, kept=Sketches(0))
    assert found.decided is not None
    return found, found.decided.drawing


@st.composite
def with_unreadable(draw: st.DrawFn) -> list[list[dict[str, Any]]]:
    """Return groups of which the first rule may be one that cannot be read."""
    filters: list[list[dict[str, Any]]] = draw(st.one_of(some_groups, doubtful_groups))
    if filters and filters[0] and draw(st.booleans()):
        filters[0][0]["destinationPortRanges"] = ["ssh"]
    return filters


@BUDGET
@given(with_unreadable(), some_rows, st.sampled_from([(), None]))
def test_law_cells_and_diagrams_give_one_answer(filters: list[Any], rows: list[Any], gateway: Any) -> None:
    found, drawing = known(filters, rows, gateway)
    for result in results(found, rows, is_moved=False):
        assert result.question is not None
        assert result.truth is drawing.answer(result.question).proof.truth


@BUDGET
@given(st.one_of(some_groups, doubtful_groups))
def test_law_cells_and_diagrams_find_the_same_rules_without_effect(filters: list[Any]) -> None:
    _, drawing = known(filters, [])
    cells = cells_of(drawing.outline, [])
    for place, rules_there in enumerate(drawing.outline.filters):
        drawn = effects(drawing.diagram, rules_there, drawing.filters[place], drawing.universe)
        assert drawing.effects(place) == drawn
        assert cells is None or cells.effects(place) == drawn


def test_very_many_cells_are_left_to_diagrams(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"protocol": "*", "sourcePortRange": "*", "destinationPortRange": "22", "destinationAddressPrefix": "*"}
    rows = [{**row, "sourceAddressPrefix": tag} for tag in TAGS]
    search, drawing = known([[]], rows)
    assert cells_of(drawing.outline, []) is not None
    answers = [result.truth for result in results(search, rows, is_moved=False)]
    assert {Truth.YES, Truth.NO} <= set(answers)
    monkeypatch.setattr(packet_cells, "_MOST_CELLS", 1)
    again, drawing = known([[]], rows)
    assert cells_of(drawing.outline, []) is None
    assert [result.truth for result in results(again, rows, is_moved=False)] == answers
