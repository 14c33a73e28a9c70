"""Know the names of service tags, and which lies inside another; their prefixes change every week and do not ship."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from msgspec import Struct

from auditor.azure.reference_data.files import DataFile, read

_FILE: Final = "service_tags.json"


class ServiceTag(Struct, frozen=True):
    """A tag that is of no single region, as Azure spells it.

    `inside` is the smallest other tag that holds all of it, AzureCloud apart. `has_regions_outside`: not all of its
    regional tags (`Storage.WestEurope`) lie inside of it.
    """

    name: str
    holds_ipv4: bool
    inside: str | None
    has_regions_outside: bool


@cache
def known() -> Mapping[str, ServiceTag]:
    """Return the tags by name in lower case; regional ones have no entry of their own."""
    return {
        name.lower(): ServiceTag(name, tag["ipv4"], tag.get("inside"), tag.get("regions_outside", False))
        for name, tag in read(_FILE).body["tags"].items()
    }


def table() -> tuple[DataFile, tuple[str, ...], Sequence[tuple[str, ...]]]:
    """Return the file with its entries as a table."""
    rows = [(tag.name, tag.inside or "") for tag in known().values()]
    return read(_FILE), ("service tag", "inside"), rows
