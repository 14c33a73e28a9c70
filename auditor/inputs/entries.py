"""Bring one entry of an export into the form of Azure Resource Manager, and say which of it was not read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.azure.catalogue import shipped
from auditor.azure.resource_type import ResourceType
from auditor.inputs import command_line, kinds, powershell, twins
from auditor.inputs.bare_items import bare_items
from auditor.inputs.glance import Glance
from auditor.model import Gap
from auditor.snapshot.model import NOT_PRINTED, NUMBER_FOR_WORD, REST_NOT_READ, TEXT_FOR_OBJECT
from auditor.snapshot.normalise import WITHOUT_PROPERTIES

_UNKNOWN_TYPE: Final = ResourceType("")
# How PowerShell writes objects that it did not print: `ConvertTo-Json` stops at a depth of 2 unless told otherwise.
# https://learn.microsoft.com/powershell/module/microsoft.powershell.utility/convertto-json
_CUT: Final = re.compile(r"@\{.*\}|System\.(?:Object|String|Collections|Management)[\w.\[\]`]*", re.DOTALL)
_DEEPEST: Final = 30


def as_arm(raw: dict[str, object], seen: Glance) -> tuple[dict[str, object], list[Gap]]:
    """Return an entry as Azure Resource Manager states it, with the gaps in it; what is no resource stays as it is."""
    once, doubled = twins.each_once(raw) if seen.has_twins else (raw, ())
    body = powershell.as_arm(once) if powershell.is_from_powershell(once) else once
    resource_id = body.get("id")
    if isinstance(resource_id, str) and resource_id.lower().startswith("subscriptions/"):
        # Azure Monitor answers so for the diagnostic settings of a subscription
        resource_id = f"/{resource_id}"
        body = {**body, "id": resource_id}
    if not isinstance(resource_id, str) or not ids.is_resource_id(resource_id):
        return command_line.classic_administrator(body) or body, []
    stated = body.get("type")
    name = stated if isinstance(stated, str) and stated else ids.type_of(resource_id) or ""
    kind = shipped().get(name)
    gaps = list(twins.gaps_of(doubled, resource_id, name))
    if name.lower() not in WITHOUT_PROPERTIES and command_line.lifted_names(body):
        known = kind or _UNKNOWN_TYPE
        reason = NOT_PRINTED if command_line.is_whole(body, known) else REST_NOT_READ
        gaps.append(Gap(resource_id, "properties.*", reason))
        body = command_line.as_arm(body, known)
    misread = () if kind is None else kinds.of_another(body, kind.key)
    cut = {*_cut_places(body, seen), *(found.path for found in misread if found.is_cut)}
    gaps += [Gap(resource_id, path, TEXT_FOR_OBJECT) for path in sorted(cut)]
    if isinstance(properties := body.get("properties"), dict):
        gaps += bare_items(resource_id, name.lower(), properties)
    if kind is not None and misread:
        body = _without_misread(body, kind, misread, gaps, is_printed=powershell.is_from_powershell(raw))
    return body, gaps


def _without_misread(
    body: dict[str, object], kind: ResourceType, misread: Sequence[kinds.Misread], gaps: list[Gap], *, is_printed: bool
) -> dict[str, object]:
    """Return a body without values of another kind than their properties take, and note that those were not read.

    A resource that others hold in a list, such as a peering, goes as a whole, as it does with the whole list there.
    """
    resource_id = str(body["id"])
    for found in misread:
        if found.is_cut:
            continue
        # `ConvertTo-Json` prints the number of a word unless told otherwise
        reason = NUMBER_FOR_WORD if is_printed and found.is_number_for_text else found.reason
        gaps.append(Gap(resource_id, "properties" if kind.inline else found.path, reason))
        if found.is_list:  # resources below this one may stand in it
            gaps.append(Gap(resource_id, f"{kind.name}/{found.path.rpartition('.')[2]}", reason))
        if not found.is_passed_over:
            body = _without(body, found.names)
    return body


def _without(body: dict[str, object], names: Sequence[str]) -> dict[str, object]:
    """Return an object without what lies at a path of names in lower case."""
    first, *rest = names
    return {
        name: _without(inner, rest) if rest and name.lower() == first and isinstance(inner, dict) else inner
        for name, inner in body.items()
        if rest or name.lower() != first
    }


def _cut_places(body: Mapping[str, object], seen: Glance) -> set[str]:
    """Return the paths at which a text stands as PowerShell writes it in the place of an object or a list."""
    identity, properties = body.get("identity"), body.get("properties")
    cut = {"identity"} if isinstance(identity, str) and identity else set()
    if not isinstance(properties, dict):
        return cut
    return cut | (set(_cut_texts(properties, "properties")) if seen.is_cut_off else set())


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
