"""Bring one entry of an export into the form of Azure Resource Manager, and say which of it was not read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from auditor import resource_id as ids
from auditor.azure import paths
from auditor.azure.catalogue import shipped
from auditor.azure.resource_type import ResourceType
from auditor.inputs import command_line, powershell
from auditor.model import Gap
from auditor.snapshot.model import NOT_PRINTED, REST_NOT_READ, TEXT_FOR_OBJECT
from auditor.snapshot.normalise import WITHOUT_PROPERTIES

_UNKNOWN_TYPE: Final = ResourceType("")
# How PowerShell writes objects that it did not print: `ConvertTo-Json` stops at a depth of 2 unless told otherwise.
# https://learn.microsoft.com/powershell/module/microsoft.powershell.utility/convertto-json
_CUT: Final = re.compile(r"@\{.*\}|System\.(?:Object|String|Collections|Management)[\w.\[\]`]*", re.DOTALL)
_DEEPEST: Final = 30


def as_arm(raw: object) -> tuple[object, list[Gap]]:
    """Return an entry as Azure Resource Manager states it, with the gaps in it; what is no resource stays as it is."""
    if not isinstance(raw, dict):
        return raw, []
    body = powershell.as_arm(raw) if powershell.is_from_powershell(raw) else raw
    resource_id = body.get("id")
    if isinstance(resource_id, str) and resource_id.lower().startswith("subscriptions/"):
        # Azure Monitor answers so for the diagnostic settings of a subscription
        resource_id = f"/{resource_id}"
        body = {**body, "id": resource_id}
    if not isinstance(resource_id, str) or not ids.is_resource_id(resource_id):
        return body, []
    stated = body.get("type")
    name = stated if isinstance(stated, str) and stated else ids.type_of(resource_id) or ""
    kind = shipped().get(name)
    gaps: list[Gap] = []
    if name.lower() not in WITHOUT_PROPERTIES and command_line.lifted_names(body):
        known = kind or _UNKNOWN_TYPE
        reason = NOT_PRINTED if command_line.is_whole(body, known) else REST_NOT_READ
        gaps.append(Gap(resource_id, "properties.*", reason))
        body = command_line.as_arm(body, known)
    gaps += [Gap(resource_id, path, TEXT_FOR_OBJECT) for path in sorted(_cut_places(body, kind))]
    return body, gaps


def _cut_places(body: Mapping[str, object], kind: ResourceType | None) -> set[str]:
    """Return the paths at which a text stands where an object or a list belongs."""
    properties = body.get("properties")
    if not isinstance(properties, dict):
        return set()
    places = set(_cut_texts(properties, "properties"))
    for known in kind.properties if kind else ():
        place = _text_on_the_way(body, known.steps)
        if place is not None:
            places.add(place)
    return places


def _cut_texts(value: object, at: str, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        if _CUT.fullmatch(value):
            yield at
    elif depth < _DEEPEST and isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(name, str):
                yield from _cut_texts(inner, f"{at}.{name}", depth + 1)
    elif (
        depth < _DEEPEST
        and isinstance(value, list)
        and any(isinstance(item, str) and _CUT.fullmatch(item) for item in value)
    ):
        yield at


def _text_on_the_way(body: Mapping[str, object], steps: paths.Steps) -> str | None:
    """Return the path at which a known path ends too early in a text, or None."""
    value: object = body
    at = ""
    for number, step in enumerate(steps[:-1]):
        if step is paths.EACH or not isinstance(value, dict):
            return None
        name = next((name for name in value if isinstance(name, str) and name.lower() == step.folded), None)
        if name is None:
            return None
        value, at = value[name], f"{at}.{name}".lstrip(".")
        is_text = isinstance(value, str | int | float) and not isinstance(value, bool)
        if is_text and number > 0:
            return at
    return None
