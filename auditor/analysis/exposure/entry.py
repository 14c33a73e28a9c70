"""What an entry point from the Internet is, and how allow lists decide who uses it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

from auditor.azure import addresses
from auditor.azure.ranges import Ranges, difference, intersection, is_within
from auditor.model import Gap, Resource

_AZURE_SERVICES: Final = addresses.must_parse("0.0.0.0/32")
"""The address that stands for every service of every Azure customer in allow lists of databases."""


class EntryState(StrEnum):
    """Who reaches an entry point from the Internet; declared from the widest to the narrowest."""

    OPEN = "open"
    RESTRICTED = "restricted"
    UNKNOWN = "unknown"
    CLOSED = "closed"


REACHED: Final = frozenset({EntryState.OPEN, EntryState.RESTRICTED})


class EntryPoint(Struct, frozen=True):
    """One way from the Internet to a resource.

    `kind` is the owner's role (`applicationGateway`, `service`, …), `name` tells several ways of one resource apart,
    `port` is the one that the Internet sees, `by` what decides, `path` the ids that traffic passes, from the outside in.
    """

    resource: Resource
    kind: str
    name: str
    port: str
    state: EntryState
    by: str
    path: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    gap: Gap | None = None
    inputs: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        """Return the resource's name, with the part that is reached."""
        return self.resource.name + (f" ({self.name})" if self.name else "")

    @property
    def why_unknown(self) -> Gap:
        """Return why its state is not known, where it is not."""
        return self.gap or Gap(self.resource.id, "properties", self.by)


def covered(numbers: Ranges, odd: Sequence[str] = ()) -> EntryState:
    """Return who an allow list lets in; `odd` are entries of it that cannot be read."""
    if addresses.covers_internet(numbers) or not addresses.is_broad(difference(addresses.PUBLIC_IPV4, numbers)):
        return EntryState.OPEN  # to keep out some does not keep out strangers
    if odd:
        return EntryState.UNKNOWN
    if intersection(numbers, addresses.PUBLIC) or is_within(_AZURE_SERVICES, numbers):
        return EntryState.RESTRICTED
    return EntryState.CLOSED


def listed(state: EntryState, texts: Sequence[str]) -> str:
    """Return what an allow list decides, in words."""
    shown = ", ".join(texts[:5]) + (" …" if len(texts) > 5 else "")
    match state:
        case EntryState.OPEN:
            return f"its IP rules cover the Internet: {shown}"
        case EntryState.UNKNOWN:
            return f"its IP rules cannot all be read: {shown}"
        case EntryState.RESTRICTED:
            return f"its IP rules let in {shown.replace('0.0.0.0-0.0.0.0', 'all Azure services')}"
        case EntryState.CLOSED:
            return "no IP rule lets in a public address"
