"""Know which regions have availability zones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from auditor.azure.reference_data.files import DataFile, read

_FILE: Final = "regions.yaml"
_LISTS: Final = {"with_zones": True, "without_zones": False}


def has_zones(region: str) -> bool | None:
    """Whether a region, by its programmatic name in lower case, has availability zones; None where it is not listed."""
    body = read(_FILE).body
    return next((answer for name, answer in _LISTS.items() if region in body[name]), None)


def as_of() -> date:
    """Return the day of the newest source: a region that came later is not listed."""
    return max(source.as_of for source in read(_FILE).sources)


def table() -> tuple[DataFile, tuple[str, ...], Sequence[tuple[str, ...]]]:
    """Return the file with its entries as a table."""
    file = read(_FILE)
    shown = {True: "yes", False: "no"}
    rows = sorted((region, shown[answer]) for name, answer in _LISTS.items() for region in file.body[name])
    return file, ("region", "availability zones"), rows
