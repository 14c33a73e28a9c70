"""Know the address prefixes of the service tags of the public cloud; Microsoft publishes them anew every week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from auditor.azure.reference_data.files import DataFile, read

_FILE: Final = "service_tags.json.zst"


@cache
def prefixes() -> Mapping[str, Sequence[str]]:
    """Return the prefixes (IPv4, then IPv6) by tag in lower case, regional tags (`storage.westeurope`) included."""
    return {tag.lower(): listed for tag, listed in read(_FILE).body["tags"].items()}


def table() -> tuple[DataFile, tuple[str, ...], Sequence[tuple[str, ...]]]:
    """Return the file with its entries as a table."""
    file = read(_FILE)
    return file, ("service tag", "prefixes"), [(tag, str(len(listed))) for tag, listed in file.body["tags"].items()]
