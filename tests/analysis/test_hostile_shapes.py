"""No shape of ARM JSON breaks an analysis."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest

from auditor.analysis import registry
from auditor.analysis.contract import Context
from tests.estates.chat import chat_bodies
from tests.estates.derived import derive

JUNK: tuple[Any, ...] = (
    None,
    "",
    "text",
    0,
    -1,
    1.5,
    True,
    [],
    {},
    [None],
    ["x"],
    [[]],
    {"id": 7},
    {"x": {"y": []}},
    "9" * 5000,
)


def _replace_one(body: Any, chance: random.Random, junk: Any) -> Any:
    """Return a copy in which one value, somewhere below the top, is replaced."""
    changed = copy.deepcopy(body)
    holder, key = changed, "properties"
    while isinstance(holder[key], dict | list) and holder[key] and chance.random() < 0.8:
        holder = holder[key]
        key = chance.choice(sorted(holder) if isinstance(holder, dict) else range(len(holder)))
    holder[key] = junk
    return changed


@pytest.mark.parametrize("seed", range(60))
def test_one_value_of_the_wrong_shape_anywhere_breaks_nothing(
    seed: int, make: Callable[..., Context], chat: Callable[..., Context]
) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same shapes in each run
    spelled = chat().workloads.all[0]
    roles = {name: [resource.id for resource in spelled.resources(name)] for name in spelled.bindings}
    bodies = [
        _replace_one(body, chance, chance.choice(JUNK)) if isinstance(body.get("properties"), dict) else body
        for body in chat_bodies()
    ]
    for analysis in registry.ANALYSES:
        found = derive(analysis, make(bodies, roles=roles))
        assert {fact.kind for fact in found} <= {kind.fact_kind for kind in analysis.kinds}
        assert len({fact.id for fact in found}) == len(found)


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: str(junk)[:12])
def test_properties_of_the_wrong_shape_break_nothing(
    junk: Any,
    make: Callable[..., Context],
) -> None:
    bodies = [body | {"properties": junk, "sku": junk, "zones": junk, "kind": junk} for body in chat_bodies()]
    for analysis in registry.ANALYSES:
        for fact in derive(analysis, make(bodies)):
            assert fact.kind in {kind.fact_kind for kind in analysis.kinds}


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: str(junk)[:12])
def test_parameters_of_the_wrong_shape_break_nothing(junk: Any, chat: Callable[..., Context]) -> None:
    names = {name for analysis in registry.ANALYSES for name in analysis.parameters}
    context = chat(parameters=dict.fromkeys(names, junk))
    for analysis in registry.ANALYSES:
        assert derive(analysis, context) or analysis.name == "egress"  # nothing of the chat is led through a firewall


def test_an_empty_estate_yields_only_that_the_architecture_is_missing(make: Callable[..., Context]) -> None:
    found = [fact for analysis in registry.ANALYSES for fact in derive(analysis, make([]))]
    assert [fact.kind for fact in found] == ["inventory.component"]
