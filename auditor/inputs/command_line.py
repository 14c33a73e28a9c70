"""Bring what `az … list` and `az … show` print into the form of Azure Resource Manager.

The command line lifts what stands under `properties` one level up and renames some of it; the files of the resource
types say which. What it leaves out is not known to be absent: a row may as well be a projection of a query.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from auditor.azure import paths
from auditor.azure.resource_type import CommandLine, Lifted, ResourceType
from auditor.resource_id import CLASSIC_ADMINISTRATORS

ENVELOPE: Final = frozenset(
    """id name type kind location tags identity sku zones plan managedby extendedlocation systemdata etag apiversion
    properties resources resourcegroup subscriptionid tenantid changedtime createdtime""".split()  # noqa: SIM905 - words
)
_OF_LISTS: Final = frozenset({"provisioningstate"})  # `az resource list` prints it of every resource, and no other
_OF_ALL: Final = frozenset({"id", "name", "type"})
_CLASSIC: Final = "na(classic admin"
_WHOLE: Final = 0.6
"""The share of a type's known properties that a whole row shows; a projection of a few columns shows less."""


def lifted_names(entry: Mapping[str, object]) -> list[str]:
    """Return the names at the top level that belong under `properties`; none where there are `properties`."""
    if isinstance(entry.get("properties"), dict) or not isinstance(entry.get("id"), str):
        return []
    lifted = [name for name in entry if name.lower() not in ENVELOPE]
    is_of_list = {name.lower() for name in lifted} <= _OF_LISTS and "etag" not in entry  # no list of all types has it
    return [] if is_of_list else lifted


def as_arm(entry: Mapping[str, object], kind: ResourceType) -> dict[str, object]:
    """Return a lifted row with its `properties` where Azure has them."""
    names = [*lifted_names(entry), *_inside(entry, kind)]
    rest = {name: value for name, value in entry.items() if name not in names and name != "properties"}
    properties = {name: entry[name] for name in names if entry[name] is not None}
    if kind.az is not None:
        properties = _renamed(properties, kind.az)
        if kind.az.lifted is Lifted.EVERYWHERE:
            properties = {name: _inner(value) for name, value in properties.items()}
    return {**rest, "properties": properties}


def _inside(entry: Mapping[str, object], kind: ResourceType) -> list[str]:
    """Return the names of the envelope that a type has among its properties: a gateway's `sku` is one of these."""
    outside = {known.steps[0].folded for known in kind.properties}
    return [name for name in entry if name.lower() in ENVELOPE & set(_first_steps(kind)) - outside - _OF_ALL]


def classic_administrator(entry: Mapping[str, object]) -> dict[str, object] | None:
    """Return a classic administrator as Azure has it, where a row among role assignments is one; else None.

    `az role assignment list --include-classic-administrators` writes such rows, without an id.
    """
    if not str(entry.get("id")).lower().startswith(_CLASSIC):
        return None
    inner = entry.get("properties")
    said = {**entry, **inner} if isinstance(inner, dict) else entry
    address, scope = said.get("principalName"), said.get("scope")
    if not isinstance(address, str) or not isinstance(scope, str):
        return None
    return {
        "id": f"{scope.rstrip('/')}/providers/{CLASSIC_ADMINISTRATORS}/{address}",
        "name": address,
        "type": CLASSIC_ADMINISTRATORS,
        "properties": {"emailAddress": address, "role": said.get("roleDefinitionName")},
    }


def is_whole(entry: Mapping[str, object], kind: ResourceType) -> bool:
    """Whether a lifted row shows as much of a resource as the command line does, and is no projection."""
    known = set(_first_steps(kind))
    stated = {name.lower() for name in entry}
    if kind.az is not None:
        stated |= {theirs.partition(".")[0].lower() for ours, theirs in kind.az.names.items() if ours.lower() in stated}
    return kind.az is not None and len(known & stated) >= _WHOLE * len(known)


def _first_steps(kind: ResourceType) -> Iterator[str]:
    for known in kind.properties:
        steps = [step for step in known.steps if step is not paths.EACH]
        if len(steps) > 1 and steps[0].folded == "properties":
            yield steps[1].folded


def _renamed(properties: dict[str, object], az: CommandLine) -> dict[str, object]:
    """Return properties by Azure's names; the deepest first, so that a path still leads to where it is renamed."""
    pairs = sorted(az.names.items(), key=lambda pair: -pair[0].count("."))
    renamed = properties
    for ours, theirs in pairs:
        leaf = paths.parse(theirs)[-1].name
        if leaf is not None:
            renamed = _object_with_leaf(renamed, paths.parse(ours), leaf)
    return renamed


def _with_leaf(value: object, steps: paths.Steps, leaf: str) -> object:
    """Return a value in which the last name of a path is another one."""
    if isinstance(value, list) and steps[0] is paths.EACH:
        return [_with_leaf(item, steps[1:], leaf) for item in value]
    return _object_with_leaf(value, steps, leaf) if isinstance(value, dict) else value


def _object_with_leaf(value: dict[str, object], steps: paths.Steps, leaf: str) -> dict[str, object]:
    name = next((name for name in value if name.lower() == steps[0].folded), None)
    if name is None:
        return value
    if len(steps) > 1:
        return {**value, name: _with_leaf(value[name], steps[1:], leaf)}
    return {leaf if key == name else key: item for key, item in value.items()}


def _inner(value: object) -> object:
    """Return what is nested with its own `properties` put back: the network commands lift these too."""
    if isinstance(value, list):
        return [_inner(item) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {name: _inner(item) for name, item in value.items()}
    own = {name: item for name, item in inner.items() if name.lower() not in ENVELOPE}
    is_resource = "name" in inner and ("id" in inner or "etag" in inner) and "properties" not in inner and own
    return (
        {**{name: item for name, item in inner.items() if name not in own}, "properties": own} if is_resource else inner
    )
