"""Know which subnets belong to platform services, and which rules those services demand of a security group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from msgspec import Struct, field

from auditor.azure import body
from auditor.azure.reference_data.files import DataFile, read

_FILE: Final = "platform_subnets.yaml"


class DemandedRule(Struct, frozen=True):
    """Traffic that a service demands: from or to a service tag, as a security rule spells it, and what for.

    `is_required`: the service does not work without it.
    """

    is_inbound: bool
    peer: str
    protocol: str
    ports: tuple[str, ...]
    why: str
    is_required: bool


class PlatformSubnet(Struct, frozen=True):
    """What tells the subnets of a service: a name, a delegation, or the type of what it holds (all in lower case).

    `where`: property path of the holder → values in lower case. `needs_public_front`: it counts with a public address only.
    """

    name: str
    subnet: str | None
    delegation: str | None
    holds: str | None
    where: Mapping[str, frozenset[str]] = field(default_factory=dict)
    needs_public_front: bool = False
    refuses_groups: bool = False
    takes_nothing_in: bool = False
    demands: tuple[DemandedRule, ...] = ()


@cache
def known() -> Sequence[PlatformSubnet]:
    """Return the platforms in the order of the file."""
    return [_platform(entry) for entry in read(_FILE).body["platforms"]]


def _platform(entry: Mapping[str, object]) -> PlatformSubnet:
    conditions = entry.get("where")
    paths = conditions if isinstance(conditions, Mapping) else {}
    return PlatformSubnet(
        name=str(entry["name"]),
        subnet=_lower(entry.get("subnet")),
        delegation=_lower(entry.get("delegation")),
        holds=_lower(entry.get("holds")),
        where={path: frozenset(text.lower() for text in body.texts(values)) for path, values in paths.items()},
        needs_public_front=entry.get("public") is True,
        refuses_groups=entry.get("refuses_groups") is True,
        takes_nothing_in=entry.get("no_inbound") is True,
        demands=tuple(_demand(one) for one in body.objects(entry, "demands")),
    )


def _demand(entry: Mapping[str, object]) -> DemandedRule:
    return DemandedRule(
        is_inbound="inbound" in entry,
        peer=body.text(entry, "inbound") or str(entry["outbound"]),
        protocol=body.text(entry, "protocol") or "*",
        ports=body.texts(entry, "ports") or ("*",),
        why=str(entry["why"]),
        is_required=entry.get("optional") is not True,
    )


def _lower(text: object) -> str | None:
    return text.lower() if isinstance(text, str) else None


def table() -> tuple[DataFile, tuple[str, ...], Sequence[tuple[str, ...]]]:
    """Return the file with its entries as a table."""
    rows = []
    for platform in known():
        place = platform.subnet or platform.delegation or platform.holds or ""
        taken = "no group" if platform.refuses_groups else "nothing comes in" if platform.takes_nothing_in else ""
        rows.append((platform.name, place, taken or f"{len(platform.demands)} rules"))
    return read(_FILE), ("platform", "subnet, delegation or what it holds", "what holds there"), rows
