"""What cells decide is what diagrams decide, of all questions about chains of which everything is known."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.network.drawing import Drawing
from auditor.network.likeness import Sketches
from auditor.network.packet_cells import PacketCells, fits
from auditor.network.search import Search
from auditor.network.shadowing import effects
from tests.network.cases import PREFIXES, groups, rules
from tests.network.test_likeness import asked, results

BUDGET = settings(max_examples=40, deadline=None)
some_groups = st.lists(groups(PREFIXES, most=5), max_size=3)
some_rows = st.lists(rules("row"), min_size=1, max_size=2)


def known(filters: list[list[dict[str, Any]]], rows: list[dict[str, Any]]) -> tuple[Search, Drawing]:
    found = asked(filters, rows, "one", is_moved=False, gateway=(), kept=Sketches(0))
    assert found.decided is not None
    return found, found.decided.drawing


@BUDGET
@given(some_groups, some_rows)
def test_law_cells_and_diagrams_give_one_answer(filters: list[Any], rows: list[Any]) -> None:
    found, drawing = known(filters, rows)
    assert fits(drawing.outline)
    for result in results(found, rows, is_moved=False):
        assert result.question is not None
        assert result.truth is drawing.answer(result.question).proof.truth


@BUDGET
@given(some_groups)
def test_law_cells_and_diagrams_find_the_same_rules_without_effect(filters: list[Any]) -> None:
    _, drawing = known(filters, [])
    for place, rules_there in enumerate(drawing.outline.filters):
        drawn = effects(drawing.diagram, rules_there, drawing.filters[place], drawing.universe)
        assert PacketCells(drawing.outline).effects(place) == drawing.effects(place) == drawn


def test_what_is_not_known_is_left_to_diagrams() -> None:
    row = {"protocol": "*", "sourcePortRange": "*", "destinationPortRange": "*", "destinationAddressPrefix": "*"}
    for source in ("Storage", "VirtualNetwork"):
        gateway = () if source == "Storage" else None
        search = asked([[]], [{**row, "sourceAddressPrefix": source}], "one", is_moved=False, gateway=gateway)
        assert search.decided is not None
        assert not fits(search.decided.drawing.outline)
