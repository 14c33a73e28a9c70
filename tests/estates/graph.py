"""Turn bodies into an estate, nested children as resources of their own; rename and spoil them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from auditor.estate.graph import Estate
from auditor.model import Gap, Resource
from auditor.snapshot.model import Metadata, Snapshot
from tests.estates.arm import Body

_NESTED = ("subnets", "securityRules", "routes", "virtualNetworkPeerings", "privateEndpointConnections")


def hoisted(bodies: Iterable[Body]) -> list[Body]:
    """Return the bodies and their nested children; an entry of its own wins over the nested one."""
    found: dict[str, Body] = {}
    waiting = list(bodies)
    for body in waiting:
        found[body["id"].lower()] = body
    while waiting:
        body = waiting.pop()
        properties = body.get("properties")
        for name in _NESTED:
            children = properties.get(name) if isinstance(properties, dict) else None
            for child in children if isinstance(children, list) else ():
                if _is_below(child, body) and child["id"].lower() not in found:
                    found[child["id"].lower()] = copy.deepcopy(child)
                    waiting.append(child)
    return list(found.values())


def _is_below(child: object, parent: Body) -> bool:
    child_id = child.get("id") if isinstance(child, dict) else None
    return isinstance(child_id, str) and child_id.lower().startswith(parent["id"].lower() + "/")


def estate_of(
    bodies: Iterable[Body],
    *,
    complete: bool = True,
    gaps: Sequence[Gap] = (),
    scope: Mapping[str, object] | None = None,
) -> Estate:
    """Return the estate of these bodies, nested children included."""
    resources = sorted((Resource.of(body) for body in hoisted(bodies)), key=lambda resource: resource.key)
    return Estate(Snapshot(resources, gaps, Metadata(complete=complete, scope=dict(scope or {})), ""))


def renamed(bodies: Sequence[Body], words: dict[str, str]) -> list[Body]:
    """Return copies of the bodies with words replaced everywhere (ids, references, host names)."""
    text = json.dumps(bodies)
    for old, new in words.items():
        text = text.replace(old, new)
    copied: list[Body] = json.loads(text)
    return copied


_JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["", "/", "x", "/subscriptions/s1", "/subscriptions/s1/resourceGroups/rg"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "properties"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def spoil(item: Body, data: st.DataObject) -> None:
    """Replace one value somewhere below the resource, at a random depth."""
    place: Any = item
    key: Any = data.draw(st.sampled_from([name for name in item if name not in {"id", "type"}]))
    for _ in range(data.draw(st.integers(0, 5))):
        inner = place[key]
        if isinstance(inner, dict) and inner:
            place, key = inner, data.draw(st.sampled_from(sorted(inner)))
        elif isinstance(inner, list) and inner:
            place, key = inner, data.draw(st.integers(0, len(inner) - 1))
    place[key] = data.draw(_JUNK)
