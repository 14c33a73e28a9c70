"""The nouns of drift: what changed in the configuration, in its effect, and in the findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeAlias

from msgspec import Struct, field

from auditor.model import Finding, FindingSet, Report
from auditor.network.comparison import PacketCube
from auditor.rbac.comparison import AccessChange


class ChangeKind(StrEnum):
    """What became of a resource."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class PropertyChange(Struct, frozen=True):
    """A property with another value; None where there is none. Secrets are masked."""

    path: str
    old: object
    new: object


class ResourceChange(Struct, frozen=True):
    """What became of a resource. `old_id` is another than `resource_id` where it was renamed.

    `who` made the change and `when` (ISO 8601), as far as the input tells. `label` is what people call it, where that is
    not its name.
    """

    resource_id: str
    old_id: str
    kind: ChangeKind
    properties: tuple[PropertyChange, ...] = ()
    who: str | None = None
    when: str | None = None
    label: str = ""


class MadeBy(Struct, frozen=True):
    """A change that made an effect: of a resource, of one property of it, or of one of its security rules."""

    resource_id: str
    kind: ChangeKind
    property: str | None = None
    rule: str | None = None
    who: str | None = None
    when: str | None = None
    label: str = ""


Door: TypeAlias = Literal["public-address", "service"]


class Witness(Struct, frozen=True):
    """A packet that is let through in one state only; `destination` is a service's id where it goes to its door."""

    source: str
    destination: str
    protocol: str
    port: int | None


class NetworkEffect(Struct, frozen=True):
    """Packets that got through between two ends and do not, or the other way round.

    `source` and `destination` are ids of subnets or services, or `Internet`. Of what is not `is_certain` it depends on
    what is `assuming` whether it gets through; `is_decided`: some of it does, or did, for certain.
    """

    source: str
    destination: str
    door: Door | None
    is_certain: bool
    assuming: tuple[str, ...]
    witness: Witness | None
    packets: tuple[PacketCube, ...]
    by: tuple[MadeBy, ...] = ()
    is_decided: bool = True


class AccessEffect(Struct, frozen=True):
    """Operations that a principal gained or lost, with its name and what made it so."""

    change: AccessChange
    scope: str
    principal_name: str
    via_name: str | None
    by: tuple[MadeBy, ...]


class Strictness(StrEnum):
    """Which way a content filter changed."""

    WEAKER = "weaker"
    STRICTER = "stricter"


class FilterEffect(Struct, frozen=True):
    """A content filter in front of a model that lets through more, or less, than before."""

    deployment: str
    policy: str | None
    filter: str
    source: str
    old: str
    new: str
    direction: Strictness
    by: tuple[MadeBy, ...] = ()


class NameState(StrEnum):
    """What became of a private name."""

    BROKEN = "broken"
    MENDED = "mended"


class NameEffect(Struct, frozen=True):
    """A name of a service that no longer leads to its private endpoint, or does again; `networks` are ids."""

    name: str
    zone: str
    endpoint: str
    old: str
    new: str
    direction: NameState
    networks: tuple[str, ...]
    by: tuple[MadeBy, ...] = ()


class DriftEffect(Struct, frozen=True):
    """What all changes together do. `undecided` says of what that is not known."""

    reach_gained: Sequence[NetworkEffect] = ()
    reach_lost: Sequence[NetworkEffect] = ()
    access_gained: Sequence[AccessEffect] = ()
    access_lost: Sequence[AccessEffect] = ()
    filters: Sequence[FilterEffect] = ()
    names: Sequence[NameEffect] = ()
    undecided_network: Sequence[str] = ()
    undecided_access: Sequence[str] = ()
    undecided_rest: Sequence[str] = ()

    @property
    def is_none(self) -> bool:
        """Whether nothing is different in effect, and nothing may be."""
        told = (self.reach_gained, self.reach_lost, self.access_gained, self.access_lost, self.filters, self.names)
        return not any(told) and not any((self.undecided_network, self.undecided_access, self.undecided_rest))

    @property
    def undecided(self) -> Sequence[str]:
        """Return all that could not be decided."""
        return [*self.undecided_network, *self.undecided_access, *self.undecided_rest]


class FindingChange(Struct, frozen=True):
    """A finding of the new state, or for a resolved one of the old, with the changes that made it.

    `grew` and `shrank` are what it rests on besides, and no longer. `since` is the time at which it was there already.
    """

    finding: Finding
    by: tuple[MadeBy, ...] = ()
    grew: FindingSet | None = None
    shrank: FindingSet | None = None
    since: datetime | None = None


class FindingDrift(Struct, frozen=True):
    """What became of the findings. `undecided` says which verdicts are open in one state only."""

    new: Sequence[FindingChange] = ()
    resolved: Sequence[FindingChange] = ()
    widened: Sequence[FindingChange] = ()
    changed: Sequence[FindingChange] = ()
    failing: Sequence[FindingChange] = ()
    undecided: Sequence[str] = ()


class Drift(Struct, frozen=True):
    """All that changed from the old state to the new one; of two reports `changes` and `effect` are None."""

    old: Report
    new: Report
    findings: FindingDrift
    changes: Sequence[ResourceChange] | None = None
    effect: DriftEffect | None = None
    unseen: Sequence[str] = field(default=())

    def count(self) -> Mapping[str, int]:
        """Return how many entries each part has."""
        counts = {
            "new": len(self.findings.new),
            "widened": len(self.findings.widened),
            "changed": len(self.findings.changed),
            "resolved": len(self.findings.resolved),
            "failing": len(self.findings.failing),
        }
        return counts if self.changes is None else {"changes": len(self.changes), **counts}
