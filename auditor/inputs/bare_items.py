"""Find items of lists that came without their properties: an id or a name tells what there is, and not how it is set.

Such an item is as a row without properties: none of Azure's defaults counts for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from auditor.azure import paths
from auditor.azure.catalogue import shipped
from auditor.model import Gap
from auditor.snapshot.children import inline_children
from auditor.snapshot.model import ITEM_NOT_READ

_PROPERTIES: Final = "properties"


def bare_items(resource_id: str, type_key: str, properties: Mapping[str, object]) -> Iterator[Gap]:
    """Yield a gap for each list, of a resource and of the children inside it, of which an item lacks its properties."""
    lists, children = _lists_of_parts(type_key), inline_children(type_key)
    if not lists and not children:
        return
    for name, items in properties.items():
        folded = name.lower()
        if not isinstance(items, list):
            continue
        if folded in children:  # of these what is only named is a resource that was not read
            for item in items:
                inner = item.get(_PROPERTIES) if isinstance(item, dict) else None
                if isinstance(inner, dict) and isinstance(item.get("id"), str):
                    yield from bare_items(str(item["id"]), f"{type_key}/{folded}", inner)
        elif folded in lists and any(isinstance(item, dict) and not _has_properties(item) for item in items):
            yield Gap(resource_id, f"{_PROPERTIES}.{name}", ITEM_NOT_READ)


def _has_properties(item: Mapping[str, object]) -> bool:
    return any(name.lower() == _PROPERTIES and value is not None for name, value in item.items())


@cache
def _lists_of_parts(type_key: str) -> frozenset[str]:
    """Return the lists, in lower case, whose items are known to have properties of their own."""
    kind = shipped().get(type_key)
    if kind is None:
        return frozenset()
    return frozenset(
        steps[1].folded
        for steps in map(paths.parse, kind.known_paths)
        if len(steps) > 3 and steps[2] is paths.EACH and [steps[0].folded, steps[3].folded] == [_PROPERTIES] * 2
    )
