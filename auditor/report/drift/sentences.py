"""Put each change, and what it does, into one line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.diff.drift import (
    AccessEffect,
    ChangeKind,
    FilterEffect,
    FindingChange,
    MadeBy,
    NameEffect,
    NetworkEffect,
    PropertyChange,
    ResourceChange,
)
from auditor.network.comparison import PacketCube
from auditor.report.selection import short_name
from auditor.report.text import ordered

_MOST: Final = 3
_LONGEST: Final = 60
_EVERY: Final = ("0-65535",)


def of_change(change: ResourceChange) -> str:
    """Return what became of a resource: `nsg/ssh changed: properties.access "Deny" → "Allow"`."""
    told = [_property(one) for one in change.properties[:_MOST]]
    more = f"; and {len(change.properties) - _MOST} more" if len(change.properties) > _MOST else ""
    what = f": {'; '.join(told)}{more}" if told else ""
    return (
        f"{change.label or short_name(change.resource_id)} {change.kind.value}{what}{_author(change.who, change.when)}"
    )


def _author(who: str | None, when: str | None) -> str:
    by = f" by {who}" if who else ""
    at = f" at {when}" if when else ""
    return f" ({f'{by}{at}'.strip()})" if by or at else ""


def _property(one: PropertyChange) -> str:
    return f"{one.path} {_shown(one.old)} → {_shown(one.new)}"


def _shown(value: object) -> str:
    if value is None:
        return "(none)"
    if ids.is_resource_id(value):
        return short_name(value)
    text = json.dumps(ordered(value), ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def of_network(effect: NetworkEffect) -> str:
    """Return which packets: `TCP 22 from Internet to snet-jump (public address)`."""
    door = {None: "", "public-address": " by a public address", "service": " at its public endpoint"}[effect.door]
    what = "; ".join(dict.fromkeys(map(_packets, effect.packets[:_MOST])))
    more = " …" if len(effect.packets) > _MOST else ""
    example = ""
    if effect.witness is not None:
        port = f":{effect.witness.port}" if effect.witness.port is not None else ""
        example = f", such as {effect.witness.source} → {short_name(effect.witness.destination)}{port}"
    perhaps = "" if effect.is_certain else f" if {' and '.join(effect.assuming) or 'that is so'}"
    ends = f"{short_name(effect.source)} → {short_name(effect.destination)}"
    return f"{ends}{door}: {what}{more}{example}{perhaps}{_by(effect.by)}"


def _packets(cube: PacketCube) -> str:
    protocols = "/".join(name.upper() for name in cube.protocols) if len(cube.protocols) < 5 else "any protocol"
    return f"{protocols} {'any port' if cube.ports == _EVERY else ','.join(cube.ports[:_MOST])}"


def of_access(effect: AccessEffect) -> str:
    """Return who may do what where: `ops may Microsoft.Storage/…/write at rg-data, through group staff`."""
    change = effect.change
    blocks = [each.spelled or each.pattern for block in change.blocks for each in block.actions]
    more = f" and {len(blocks) - 1} more patterns" if len(blocks) > 1 else ""
    via = f", through group {effect.via_name}" if change.via is not None else ""
    once = ", once activated" if change.is_eligible else ""
    perhaps = "" if change.is_certain or change.is_eligible else ", perhaps"
    shown = f"{blocks[0]}{more}" if blocks else "something"
    example = f", such as {change.action}" if change.action and change.action not in blocks[:1] else ""
    where = f"({change.plane.value} plane) at {short_name(effect.scope)}"
    return f"{effect.principal_name}: {shown} {where}{via}{once}{perhaps}{example}{_by(effect.by)}"


def of_filter(effect: FilterEffect) -> str:
    """Return what became of a content filter."""
    name = short_name(effect.deployment)
    return f"{name}: {effect.filter} ({effect.source}) is {effect.direction.value}: {effect.old} → {effect.new}{_by(effect.by)}"


def of_name(effect: NameEffect) -> str:
    """Return what became of a private name."""
    end = short_name(effect.endpoint)
    return f"{effect.name} is {effect.direction.value} (endpoint {end}): {effect.old} → {effect.new}{_by(effect.by)}"


def of_finding(change: FindingChange) -> str:
    """Return a finding with what made it."""
    finding = change.finding
    subject = short_name(finding.resource_id) if finding.resource_id else finding.component or ""
    return f"{finding.severity.value} {finding.rule_id} {subject}: {finding.message}{_by(change.by)}"


def _by(by: Sequence[MadeBy]) -> str:
    if not by:
        return ""
    told = list(dict.fromkeys(map(_made_by, by)))
    more = f" and {len(told) - _MOST} more" if len(told) > _MOST else ""
    return f" [{', '.join(told[:_MOST])}{more}]"


def _made_by(one: MadeBy) -> str:
    what = f" rule {one.rule}" if one.rule is not None else f" {one.property}" if one.property is not None else ""
    verb = "" if one.kind is ChangeKind.CHANGED else f" {one.kind.value}"
    return f"{one.label or short_name(one.resource_id)}{what}{verb}{_author(one.who, one.when)}"


def several(lines: Iterable[str], most: int) -> list[str]:
    """Return the first lines, and one that counts the others."""
    listed = list(lines)
    return listed if len(listed) <= most else [*listed[:most], f"and {len(listed) - most:,} more"]
