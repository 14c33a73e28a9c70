"""What Azure really answered, printed as the command line prints it, is read as what Azure answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from auditor.azure.catalogue import shipped
from auditor.azure.resource_type import Lifted
from auditor.inputs.entries import as_arm
from auditor.inputs.glance import glance
from tests.audit import laws
from tests.conformance.test_replay import recordings


def _bodies() -> Iterator[dict[str, Any]]:
    for recorded in recordings():
        listed = recorded.body.get("value")
        for body in listed if isinstance(listed, list) else [recorded.body]:
            is_resource = isinstance(body, dict) and {"id", "type", "name"} <= body.keys()
            if is_resource and body["id"] and isinstance(body.get("properties"), dict) and "/" in str(body["type"]):
                yield body


def _folded(value: Any) -> Any:
    """Return a value with its names in lower case and without what is null: the command line prints all there is."""
    if isinstance(value, list):
        return list(map(_folded, value))
    if not isinstance(value, dict):
        return value
    return {name.lower(): _folded(item) for name, item in value.items() if item is not None}


def test_recorded_resources_survive_being_printed() -> None:
    lifted: Counter[str] = Counter()
    lost = []
    for body in _bodies():
        kind = shipped().get(body["type"])
        if kind is None or kind.az is None or kind.az.lifted is Lifted.NOTHING:
            continue
        printed = laws.as_printed(body)
        lifted[kind.name] += printed is not body
        read, _ = as_arm(printed, glance(printed))
        if not isinstance(read, dict) or _folded(read["properties"]) != _folded(body["properties"]):
            lost.append(body["id"])
    assert not lost
    assert len(lifted) > 9
