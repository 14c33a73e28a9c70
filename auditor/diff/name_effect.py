"""Say which private names changes broke and which they mended: those that lead to a private endpoint, seen from a network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.diff.attribution import Attribution
from auditor.diff.drift import NameEffect, NameState
from auditor.estate.graph import Estate
from auditor.estate.lookup import PRIVATE_ENDPOINTS
from auditor.estate.network_relations import ZONE_LINKS
from auditor.estate.private_connections import EndpointConnection, addresses_of, connections_of
from auditor.network import private_names, service_query
from auditor.network.private_names import PrivateZone, Resolution
from auditor.truth import Truth

_REGISTERED: Final = "its endpoint, as the zone group has it"
_READ: Final = ("/privatednszones/", "/privateendpoints/", "/networkinterfaces/", "/virtualnetworks/")


@dataclass(frozen=True, slots=True)
class _Name:
    """A name that has to lead to an endpoint: relative to its zone."""

    relative: str
    zone: str
    endpoint: str
    is_guess: bool = field(default=False, compare=False)

    @property
    def full(self) -> str:
        return f"{self.relative}.{self.zone}"


class _Answer(Struct, frozen=True):
    """Whether a name leads to its endpoint, what it leads to in words, and what decides."""

    leads: Truth
    words: str
    places: tuple[str, ...] = ()


class NameComparison:
    """The private names of two states, asked only where something changed that names depend on."""

    def __init__(self, old: Estate, new: Estate, attribution: Attribution) -> None:
        self.old = old
        self.new = new
        self.attribution = attribution
        self.undecided: list[str] = []
        self._zones = lru_cache(maxsize=None)(private_names.zones_seen_from)

    def effects(self) -> Iterator[NameEffect]:
        """Yield the names that lead to their endpoint in one state only, each once with the networks where it is so."""
        if not any(part in f"{key}/" for key in self.attribution.keys for part in _READ):
            return
        found: dict[tuple[_Name, NameState, str, str], list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
        for name, network, before, after in self._asked():
            if before.leads is after.leads:
                continue
            if Truth.UNKNOWN in {before.leads, after.leads}:
                self.undecided.append(f"what {name.full} leads to in {ids.name_of(network)}")
                continue
            state = NameState.MENDED if after.leads is Truth.YES else NameState.BROKEN
            places = (*before.places, *after.places, name.endpoint)
            found[name, state, before.words, after.words].append((network, places))
        for (name, state, old, new), networks in sorted(found.items(), key=lambda item: (item[0][0].full, item[0][1])):
            asked = dict.fromkeys(place for network, listed in networks for place in (*listed, network))
            yield NameEffect(
                name=name.full,
                zone=name.zone,
                endpoint=self._spelled(name.endpoint),
                old=old,
                new=new,
                direction=state,
                networks=tuple(self._spelled(network) for network, _ in networks),
                by=self.attribution.made_by(asked, lambda change: "/subnets/" not in ids.key(change.resource_id)),
            )

    def _spelled(self, key: str) -> str:
        resource = self.new.get(key) or self.old.get(key)
        return key if resource is None else resource.id

    def _asked(self) -> Iterator[tuple[_Name, str, _Answer, _Answer]]:
        """Yield each name of an endpoint that is there in both states, with a network from which it is asked."""
        for endpoint in self.new.of_type(PRIVATE_ENDPOINTS):
            if self.old.get(endpoint.key) is None:
                continue
            before, after = (dict(_needed(estate, endpoint.key)) for estate in (self.old, self.new))
            for name in sorted(before.keys() & after.keys(), key=lambda one: one.full):
                for network in self._networks(endpoint.key, name.zone):
                    old = self._answer(self.old, before[name], name, network)
                    new = self._answer(self.new, after[name], name, network)
                    yield name, network, old, new

    def _networks(self, endpoint: str, zone: str) -> Sequence[str]:
        """Return where a name is asked: in the endpoint's network, and wherever its zone is linked in either state."""
        found: set[str] = set()
        for estate in (self.old, self.new):
            found |= set(estate.targets(endpoint, "in-network"))
            for link in estate.of_type(ZONE_LINKS):
                if ids.name_of(ids.parent_of(link.key) or "") == zone:
                    found |= set(estate.targets(link.key, "dns-zone-linked"))
        return sorted(key for key in found if self.old.get(key) is not None and self.new.get(key) is not None)

    def _answer(self, estate: Estate, connection: EndpointConnection, name: _Name, network: str) -> _Answer:
        resource = estate.get(network)
        if resource is None or private_names.has_own_servers(resource):
            return _Answer(Truth.UNKNOWN, "answered by a server of its own")
        zones: Sequence[PrivateZone] = self._zones(estate, network)
        is_linked = any(zone.name == name.zone for zone in zones)
        if (ruleset := private_names.forwarder(estate, network, name.zone, is_linked=is_linked)) is not None:
            return _Answer(Truth.UNKNOWN, f"perhaps sent to another server by ruleset {ruleset}")
        found = private_names.resolve(zones, name.full)
        registered = private_names.registered(estate, connection.endpoint)
        own = [zone for zone in zones if zone.name == name.zone and zone.key in registered]
        if found.gap is not None and found.gap.what == private_names.A_RECORDS and estate.complete and not own:
            found = Resolution()  # in what is complete, a zone without records has none
        ends = addresses_of(estate, connection.endpoint)
        leads = service_query.leads(found, ends, is_registered=bool(own), is_guess=name.is_guess)
        every = [zone.key for zone in zones if zone.name == name.zone]
        linked = [
            link.key for link in estate.of_type(ZONE_LINKS) if network in estate.targets(link.key, "dns-zone-linked")
        ]
        links = [key for key in linked if ids.name_of(ids.parent_of(key) or "") == name.zone]
        records = [f"{zone}/{kind}/{name.relative}" for zone in every for kind in ("a", "aaaa", "cname")]
        return _Answer(
            leads,
            _words(found) if leads is not Truth.YES or found.addresses else _REGISTERED,
            (*found.records, *links, *records),
        )


def _needed(estate: Estate, endpoint: str) -> Iterator[tuple[_Name, EndpointConnection]]:
    resource = estate.get(endpoint)
    for connection in connections_of(resource) if resource is not None else ():
        registered = private_names.registered(estate, connection.endpoint)
        for zone in private_names.zones_needed(estate, connection):
            keys = [key for key in registered if ids.name_of(key) == zone]
            names = sorted({relative for key in keys for relative in registered[key] if relative})
            needed = private_names.names_of(estate, connection, zone, names)
            for relative in needed.names:
                yield _Name(relative, zone, endpoint, needed.is_guess), connection


def _words(found: Resolution) -> str:
    if found.gap is not None:
        return f"not known ({found.gap.reason})"
    if found.addresses:
        return ", ".join(sorted(found.addresses))
    return "public DNS" if found.public is not None else "no address"
