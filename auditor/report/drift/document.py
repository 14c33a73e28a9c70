"""Lay drift out as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from auditor.diff.drift import (
    AccessEffect,
    Drift,
    DriftEffect,
    FilterEffect,
    FindingChange,
    MadeBy,
    NameEffect,
    NetworkEffect,
    ResourceChange,
    Witness,
)
from auditor.engine.accepted.finding_sets import as_document
from auditor.model import Report
from auditor.network.comparison import PacketCube
from auditor.rbac.permissions import Plane
from auditor.rbac.role_blocks import RoleBlock
from auditor.report.documents.document_parts import finding_of
from auditor.report.text import ordered, utc

SCHEMA_VERSION: Final = 1
"""Rises only when a reader of the older version would be misled; keys may be added within a version."""

JsonObject = dict[str, object]


def document_of(drift: Drift) -> JsonObject:
    """Return drift as JSON; of two reports `changes` and `effect` are left out."""
    document: JsonObject = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "auditor", "version": drift.new.tool_version},
        "old": _state(drift.old),
        "new": _state(drift.new),
        "summary": dict(drift.count()),
    }
    if drift.changes is not None and drift.effect is not None:
        document["changes"] = [_change(change) for change in drift.changes]
        document["effect"] = _effect(drift.effect)
    findings = drift.findings
    document["findings"] = {
        "new": [_finding(each, drift.new) for each in findings.new],
        "resolved": [_finding(each, drift.old) for each in findings.resolved],
        "widened": [_finding(each, drift.new) for each in findings.widened],
        "changed": [_finding(each, drift.new) for each in findings.changed],
        "failing": [_finding(each, drift.new) for each in findings.failing],
    }
    effect = drift.effect or DriftEffect()
    document["undecided"] = [*drift.unseen, *effect.undecided, *findings.undecided]
    return document


def _state(report: Report) -> JsonObject:
    return {
        "as_of": utc(report.as_of),
        "baseline": {"name": report.baseline_name, "version": report.baseline_version},
        "collected_at": report.snapshot.collected_at,
        "resources": report.resources,
        "snapshot_sha256": report.snapshot.sha256,
    }


def _change(change: ResourceChange) -> JsonObject:
    document: JsonObject = {
        "resource_id": change.resource_id,
        "change": change.kind.value,
        "properties": [
            {"path": one.path, "old": ordered(one.old), "new": ordered(one.new)} for one in change.properties
        ],
    }
    if change.old_id != change.resource_id:
        document["old_resource_id"] = change.old_id
    return document | _author(change.who, change.when)


def _author(who: str | None, when: str | None) -> JsonObject:
    return {key: value for key, value in (("who", who), ("when", when)) if value is not None}


def _made_by(by: Sequence[MadeBy]) -> list[JsonObject]:
    return [
        {
            "resource_id": one.resource_id,
            **({"rule": one.rule} if one.rule is not None else {"property": one.property}),
            "change": one.kind.value,
            **_author(one.who, one.when),
        }
        for one in by
    ]


def _effect(effect: DriftEffect) -> JsonObject:
    return {
        "is_none": effect.is_none,
        "network": {
            "gained": [network_document(one) for one in effect.reach_gained],
            "lost": [network_document(one) for one in effect.reach_lost],
        },
        "access": {
            "gained": [access_document(one) for one in effect.access_gained],
            "lost": [access_document(one) for one in effect.access_lost],
        },
        "filters": [_filter(one) for one in effect.filters],
        "names": [_name(one) for one in effect.names],
    }


def network_document(effect: NetworkEffect) -> JsonObject:
    """Return packets that were gained or lost."""
    return {
        "from": effect.source,
        "to": effect.destination,
        "door": effect.door,
        "certain": effect.is_certain,
        "assuming": list(effect.assuming),
        "witness": None if effect.witness is None else _witness(effect.witness),
        "packets": [_packets(cube) for cube in effect.packets],
        "by": _made_by(effect.by),
    }


def _witness(witness: Witness) -> JsonObject:
    return {
        "source": witness.source,
        "destination": witness.destination,
        "protocol": witness.protocol,
        "port": witness.port,
    }


def _packets(cube: PacketCube) -> JsonObject:
    return {
        "sources": list(cube.sources),
        "destinations": list(cube.destinations),
        "protocols": list(cube.protocols),
        "ports": list(cube.ports),
        "source_ports": list(cube.source_ports),
    }


def access_document(effect: AccessEffect) -> JsonObject:
    """Return operations that were gained or lost."""
    change = effect.change
    document: JsonObject = {
        "principal": change.principal,
        "principal_name": effect.principal_name,
        "scope": effect.scope,
        "plane": change.plane.value,
        "action": change.action,
        "operations": [_role(block, change.plane) for block in change.blocks],
        "via": change.via,
        "by": _made_by(effect.by),
        "certain": change.is_certain,
    }
    return document | ({"eligible": True} if change.is_eligible else {})


def _role(block: RoleBlock, plane: Plane) -> JsonObject:
    actions = [each.spelled or each.pattern for each in block.actions]
    excluded = [each.spelled or each.pattern for each in block.excluded]
    is_control = plane is Plane.CONTROL
    return {
        "actions": actions if is_control else [],
        "notActions": excluded if is_control else [],
        "dataActions": [] if is_control else actions,
        "notDataActions": [] if is_control else excluded,
    }


def _filter(effect: FilterEffect) -> JsonObject:
    return {
        "deployment": effect.deployment,
        "policy": effect.policy,
        "filter": effect.filter,
        "source": effect.source,
        "old": effect.old,
        "new": effect.new,
        "direction": effect.direction.value,
        "by": _made_by(effect.by),
    }


def _name(effect: NameEffect) -> JsonObject:
    return {
        "name": effect.name,
        "zone": effect.zone,
        "endpoint": effect.endpoint,
        "old": effect.old,
        "new": effect.new,
        "direction": effect.direction.value,
        "networks": list(effect.networks),
        "by": _made_by(effect.by),
    }


def _finding(change: FindingChange, report: Report) -> JsonObject:
    document: JsonObject = {**finding_of(change.finding, report), "by": _made_by(change.by)}
    more: Mapping[str, object] = {
        "grew": None if change.grew is None else as_document(change.grew),
        "shrank": None if change.shrank is None else as_document(change.shrank),
        "since": None if change.since is None else utc(change.since),
    }
    return document | {key: value for key, value in more.items() if value is not None}
