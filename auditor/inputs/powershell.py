"""Bring what PowerShell prints of resources (`Get-Az… | ConvertTo-Json`) into the form of Azure Resource Manager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# PowerShell names members in Pascal case and adds aliases; the left one counts where several are there. Of a lock it
# shows also the name and type of what the lock is on.
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("Id", "ResourceId"),
    "name": ("ExtensionResourceName", "Name", "ResourceName"),
    "type": ("ExtensionResourceType", "Type", "ResourceType"),
}
_MARKS: Final = frozenset({"Id", "ResourceId", "ResourceType", "Properties", "ResourceGroupName"})


def is_from_powershell(entry: Mapping[str, object]) -> bool:
    """Whether an object has members that only PowerShell spells so."""
    return not _MARKS.isdisjoint(entry)


def as_arm(entry: Mapping[str, object]) -> dict[str, object]:
    """Return an object with Azure's names at its top level and in its envelope; values stay as they are.

    `Search-AzGraph` prints Azure's own names and adds `ResourceId`; `Get-AzResource` prints all in Pascal case.
    """
    arm: dict[str, object] = {}
    for name, value in entry.items():
        if not any(name in spellings for spellings in _NAMES.values()):
            arm.setdefault(_camel_case(name), _envelope(name, value))
    for name, spellings in _NAMES.items():
        values = [entry.get(key) for key in (name, *spellings)]
        stated = [value for value in values if isinstance(value, str) and value]
        if name == "id":
            stated.sort(key=lambda text: not text.startswith("/"))  # `Id` of some cmdlets is no resource id
        if stated:
            arm[name] = stated[0]
    return arm


def _envelope(name: str, value: object) -> object:
    """Return a member with Azure's names inside it where it belongs to the envelope (`Sku.Name` → `sku.name`)."""
    if not isinstance(value, dict) or not name[:1].isupper() or name in {"Properties", "Tags", "Tag"}:
        return value
    return {_camel_case(inner): _envelope(inner, item) for inner, item in value.items()}


def _camel_case(name: str) -> str:
    if name in {"Tag", "Tags"}:
        return "tags"
    return name[:1].lower() + name[1:]
