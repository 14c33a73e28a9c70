"""Know what the tiers and SKUs of resource types can do: whether zones are for them, whether they keep instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Final

from msgspec import Struct

from auditor.azure.reference_data.files import DataFile, read

_FILE: Final = "skus.yaml"


class Sku(Struct, frozen=True):
    """A tier or SKU as Azure spells it, with the sizes that belong to it.

    `supports_zones`: its resources can be spread over availability zones (for storage: they are). `is_on_demand`: the
    platform starts and stops instances, none are kept. `scales_itself`: the platform adds and takes away instances
    without an autoscale setting.
    """

    resource_type: str
    name: str
    sizes: tuple[str, ...]
    supports_zones: bool
    is_on_demand: bool
    scales_itself: bool


def sku(resource_type: str, *names: str | None) -> Sku | None:
    """Return what is known of the first listed name, a SKU or a size of one in any letter case; None for no listed one."""
    known = _by_name().get(resource_type.lower(), {})
    return next((known[name.lower()] for name in names if name and name.lower() in known), None)


def as_of() -> date:
    """Return the day of the newest source: what is newer is not listed."""
    return max(source.as_of for source in read(_FILE).sources)


@cache
def _by_name() -> Mapping[str, Mapping[str, Sku]]:
    """Return the SKUs by type and by each of their names, in lower case."""
    found: dict[str, dict[str, Sku]] = {}
    for entry in _entries():
        names = found.setdefault(entry.resource_type.lower(), {})
        for name in (entry.name, *entry.sizes):
            names[name.lower()] = entry
    return found


def _entries() -> Iterator[Sku]:
    for resource_type, skus in read(_FILE).body["types"].items():
        for name, known in skus.items():
            yield Sku(
                resource_type=resource_type,
                name=name,
                sizes=tuple(known.get("sizes", ())),
                supports_zones=known["zones"],
                is_on_demand=known.get("on_demand", False),
                scales_itself=known.get("scales_itself", False),
            )


def table() -> tuple[DataFile, tuple[str, ...], Sequence[tuple[str, ...]]]:
    """Return the file with its entries as a table."""
    shown = {True: "yes", False: "no"}
    rows = [
        (
            entry.resource_type,
            entry.name,
            ", ".join(entry.sizes),
            shown[entry.supports_zones],
            "on demand" if entry.is_on_demand else "kept",
            shown[entry.scales_itself],
        )
        for entry in _entries()
    ]
    return read(_FILE), ("type", "SKU", "sizes", "availability zones", "instances", "scales itself"), rows
