"""Know the role definitions that every tenant has: GUID, name and permissions are the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from auditor.azure.reference_data.files import DataFile, read

_FILE: Final = "built_in_roles.json"


class BuiltInRole(Struct, frozen=True):
    """A built-in role: its GUID in lower case, its name at the day of the data, its permissions in ARM's shape."""

    guid: str
    name: str
    permissions: Sequence[Mapping[str, object]]


def role(guid: str) -> BuiltInRole | None:
    """Return the built-in role with this GUID in any letter case, or None where the data has none."""
    key = guid.lower()
    entry = read(_FILE).body["roles"].get(key)
    return None if entry is None else BuiltInRole(key, entry["name"], entry["permissions"])


def roles() -> Sequence[BuiltInRole]:
    """Return all built-in roles, by GUID."""
    listed = read(_FILE).body["roles"]
    return [BuiltInRole(guid, listed[guid]["name"], listed[guid]["permissions"]) for guid in sorted(listed)]


def table() -> tuple[DataFile, tuple[str, ...], Sequence[tuple[str, ...]]]:
    """Return the file with its entries as a table."""
    file = read(_FILE)
    rows = sorted((entry["name"], guid) for guid, entry in file.body["roles"].items())
    return file, ("role", "id"), rows
