"""Say which packets changes let through, and which they stop: between subnets, and from and to the Internet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.diff.attribution import Attribution, rule_of
from auditor.diff.drift import Door, MadeBy, NetworkEffect, ResourceChange, Witness
from auditor.estate.network_relations import SUBNETS
from auditor.network.comparison import PacketChange, WaySet, compare
from auditor.network.connectivity import Connectivity
from auditor.truth import Truth

INTERNET: Final = "Internet"


class NetworkEffects(Struct, frozen=True):
    """The packets gained and lost, end by end."""

    gained: Sequence[NetworkEffect] = ()
    lost: Sequence[NetworkEffect] = ()


class _Pair(Struct, frozen=True):
    """Two ends, by the keys of subnets; None is the Internet."""

    source: str | None
    destination: str | None
    door: Door | None = None

    def ways(self, state: Connectivity) -> WaySet:
        """Return the ways between them in a state."""
        match self.source, self.destination:
            case str(source), str(destination):
                return state.between(source, destination)
            case str(source), None:
                return state.out_of(source)
            case None, str(destination):
                return state.into(destination) if self.door is None else state.through_doors(destination)
            case _:
                return WaySet()


class NetworkComparison:
    """Two states of a network, asked only where what decides about packets differs."""

    def __init__(self, old: Connectivity, new: Connectivity, attribution: Attribution) -> None:
        self.old = old
        self.new = new
        self.attribution = attribution

    def effects(self) -> NetworkEffects:
        """Return what is let through in one state only, between every two subnets, and from and to the Internet."""
        gained: list[NetworkEffect] = []
        lost: list[NetworkEffect] = []
        for pair in self._pairs():
            old, new = pair.ways(self.old), pair.ways(self.new)
            changes = compare(old, new)
            gained += [self._effect(pair, change, old, new) for change in changes.gained]
            lost += [self._effect(pair, change, old, new) for change in changes.lost]
        return NetworkEffects(gained, lost)

    def _pairs(self) -> Iterator[_Pair]:
        keys = sorted({*self.old.keys, *self.new.keys})
        changed = {key for key in keys if self.old.content(key) != self.new.content(key)}
        for key in sorted(changed):
            yield from (_Pair(key, None), _Pair(None, key), _Pair(None, key, "public-address"))
        for source in keys if changed else ():
            for key in keys if source in changed else sorted(changed):
                if self.old.may_join(source, key) or self.new.may_join(source, key):
                    yield _Pair(source, key)

    def _effect(self, pair: _Pair, change: PacketChange, old: WaySet, new: WaySet) -> NetworkEffect:
        packet = change.witness
        return NetworkEffect(
            source=self._spelled(pair.source),
            destination=self._spelled(pair.destination),
            door=pair.door,
            is_certain=change.is_certain,
            assuming=change.assuming,
            witness=None
            if packet is None
            else Witness(packet.source, packet.destination, packet.protocol, packet.destination_port),
            packets=change.boxes,
            by=self._made_by(pair, change, (old, new)),
            is_decided=change.proof is not Truth.UNKNOWN,
        )

    def _spelled(self, key: str | None) -> str:
        if key is None:
            return INTERNET
        resource = self.new.estate.get(key) or self.old.estate.get(key)
        return key if resource is None else resource.id

    def _made_by(self, pair: _Pair, change: PacketChange, ways: Sequence[WaySet]) -> tuple[MadeBy, ...]:
        """Return the changes of what decides about a pair; of security rules only those that decide about its packets."""
        ends = [key for key in (pair.source, pair.destination) if key is not None]
        states = (self.old, self.new)
        places = {place for state in states for key in ends for place in state.places(key)}
        places |= {place for state, way in zip(states, ways, strict=True) for place in state.places_on(way)}
        names = {name.lower() for _, name in change.rules}

        def counts(found: ResourceChange) -> bool:
            rule = rule_of(found)
            subnet = _subnet_of(found.resource_id)
            is_elsewhere = subnet is not None and subnet not in ends and not subnet.endswith("/azurefirewallsubnet")
            return not is_elsewhere and (rule is None or rule[1].lower() in names)

        outer = places if pair.door is None else {*places, *self.old.places_of_doors, *self.new.places_of_doors}
        return self.attribution.made_by(sorted(outer), counts)


def _subnet_of(resource_id: str) -> str | None:
    key = ids.key(resource_id)
    return key if (ids.type_of(key) or "").lower() == SUBNETS else None


def undecided(effects: NetworkEffects) -> Iterator[str]:
    """Yield of which ends it is not known whether anything is let through in one state only.

    Where something certainly is, what is uncertain besides changes nothing about that.
    """
    for listed in (effects.gained, effects.lost):
        sure = {(one.source, one.destination, one.door) for one in listed if one.is_decided}
        for one in listed:
            if not one.is_decided and (one.source, one.destination, one.door) not in sure:
                why = f" ({'; '.join(one.assuming)})" if one.assuming else ""
                yield f"what gets from {_short(one.source)} to {_short(one.destination)}{why}"


def _short(end: str) -> str:
    return ids.name_of(end) if end != INTERNET else end
