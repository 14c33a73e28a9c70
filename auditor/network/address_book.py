"""What the names in security rules mean at one subnet: the virtual network around it, tag data, group members."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from auditor.azure.addresses import ANY, METADATA, PLATFORM, PUBLIC
from auditor.azure.ranges import Ranges, difference, intersection, union
from auditor.azure.reference_data import service_tags
from auditor.network.security_rules import NETWORK_SPACE, Side, Symbol

Literals = tuple[tuple[str, bool], ...]
"""Unknown sets (by name) that an address must be in (True) or outside of (False)."""

# What the names of unknown sets begin with that are no service tags.
GROUP: Final = "group:"
ADDRESSES: Final = "addresses:"
_FIXED: Final = {"azureloadbalancer": PLATFORM, "azureplatformdns": PLATFORM, "azureplatformimds": METADATA}
ROUTED: Final = "VirtualNetwork: by route "
"""What the name of an unknown set starts with that is the prefix of a route, if VirtualNetwork has it."""
_GATEWAY: Final = "VirtualNetwork:gateway-learned"
_PEERS: Final = "VirtualNetwork:unread-peers"
_OVERLAP: Final = "Internet:public-space-inside-VirtualNetwork"
_IN_WORDS: Final = {
    _GATEWAY: "the prefixes that a gateway has learned",
    _PEERS: "the networks of peerings that were not read",
    _OVERLAP: "the public part of VirtualNetwork",
}
_PRIVATE: Final = difference(ANY, PUBLIC)
"""What a network that was not read may hold, as far as anybody asks: some hold public addresses, too."""


def set_in_words(name: str) -> str:
    """Return an unknown set as a reader calls it: a service tag by its name, another by what is in it."""
    if name.startswith(ROUTED):
        return f"what the route {name.removeprefix(ROUTED)} adds to VirtualNetwork"
    if name.startswith(ADDRESSES):
        return f"the addresses of {name.removeprefix(ADDRESSES)}"
    return _IN_WORDS.get(name, name)


class Term(Struct, frozen=True, cache_hash=True):
    """Addresses in `ranges` that are also inside or outside some sets nobody knows.

    `is_inhabited`: at least one IPv4 address is among them, whatever the sets are.
    """

    ranges: Ranges
    literals: Literals = ()
    is_inhabited: bool = False


class GroupMembers(Struct, frozen=True):
    """Who is in an application security group.

    `addresses` are told; of those `somewhere` only the subnet is known. `is_whole`: nobody else is in it.
    """

    addresses: Ranges = ()
    somewhere: tuple[Term, ...] = ()
    is_whole: bool = True


class Route(Struct, frozen=True):
    """A user-defined route. `is_virtual_network`: its prefix counts as VirtualNetwork; None: not documented.

    `is_default`: it holds, alone or in pieces with others, for everything that no longer route holds for.
    """

    prefix: Ranges
    label: str
    is_virtual_network: bool | None
    is_default: bool = False


class Surroundings(Struct, frozen=True, dict=True):
    """Where a subnet lies; the meaning of `VirtualNetwork` differs from subnet to subnet, by its routes.

    `space`: the address space of the virtual network; `peers`: of networks peered with access; `gateway`: prefixes
    learned through a gateway, None where there is a gateway and they are not known; `has_unread_peers`: the network may
    have peerings that were not read; `tags`: published prefixes by
    lower-case tag; `groups`: members of application security groups by lower-case id, no entry where nothing is known of
    them.
    """

    space: Ranges
    peers: Ranges = ()
    gateway: Ranges | None = ()
    routes: tuple[Route, ...] = ()
    tags: Mapping[str, Ranges] = field(default_factory=dict)
    groups: Mapping[str, GroupMembers] = field(default_factory=dict)
    has_unread_peers: bool = False

    @cached_property
    def known_network(self) -> Ranges:
        """Return the part of VirtualNetwork that is certain."""
        routed = [route.prefix for route in self.routes if route.is_virtual_network]
        return union(self.space, self.peers, self.gateway or (), PLATFORM, *routed)

    @cached_property
    def network_ranges(self) -> Ranges:
        """Return the addresses of the network, its peers and what lies behind its gateway, as far as they are known.

        A route's prefix, which VirtualNetwork has too, says only where packets are led.
        """
        return union(self.space, self.peers, self.gateway or (), PLATFORM)

    @cached_property
    def _doubtful_network(self) -> tuple[Term, ...]:
        terms = [
            Term(difference(route.prefix, self.known_network), ((f"{ROUTED}{route.label}", True),))
            for route in self.routes
            if route.is_virtual_network is None
        ]
        if self.gateway is None:
            terms.append(Term(difference(ANY, self.known_network), ((_GATEWAY, True),)))
        if self.has_unread_peers:
            terms.append(Term(difference(_PRIVATE, self.known_network), ((_PEERS, True),)))
        return tuple(term for term in terms if term.ranges)

    @cached_property
    def virtual_network(self) -> tuple[Term, ...]:
        """Return VirtualNetwork: space, peers, gateway, routed prefixes and the platform's own address."""
        return (Term(self.known_network), *self._doubtful_network)

    @cached_property
    def network_space(self) -> tuple[Term, ...]:
        """Return what people call the virtual network: VirtualNetwork without routes, and without the Internet.

        A gateway may teach even a default route: then VirtualNetwork holds every address, but nobody means that.
        """
        known = self.network_ranges
        private = difference(_PRIVATE, known)
        learned = [Term(private, ((_GATEWAY, True),))] if self.gateway is None else []
        learned += [Term(private, ((_PEERS, True),))] if self.has_unread_peers else []
        learned += [  # what lies behind a default route is like what a gateway teaches
            Term(intersection(private, route.prefix), ((f"{ROUTED}{route.label}", True),))
            for route in self.routes
            if route.is_default and route.is_virtual_network is None
        ]
        return (Term(known), *(term for term in learned if term.ranges))

    def without_internet_by_default_routes(self) -> Surroundings:
        """Return the same for packets none of which takes a default route from or to the Internet.

        Whether VirtualNetwork has such a route's public addresses does not matter then.
        """
        routes = [
            replace(route, prefix=difference(route.prefix, PUBLIC)) if route.is_default else route
            for route in self.routes
        ]
        return replace(self, routes=tuple(routes))

    @cached_property
    def internet(self) -> tuple[Term, ...]:
        """Return Internet: public space outside VirtualNetwork; of public space inside it nobody knows."""
        outside = difference(PUBLIC, self.known_network)
        # A default route does not take its addresses out of Internet: Microsoft's reference architecture sends what its
        # rules let out to Internet through a firewall by such a route.
        # https://learn.microsoft.com/azure/architecture/ai-ml/architecture/baseline-openai-e2e-chat
        defaults = {f"{ROUTED}{route.label}" for route in self.routes if route.is_default}
        doubt = [term for term in self._doubtful_network if term.literals[0][0] not in defaults]
        unclaimed = outside
        for term in doubt:
            unclaimed = difference(unclaimed, term.ranges)
        terms = [Term(unclaimed), Term(intersection(PUBLIC, self.known_network), ((_OVERLAP, True),))]
        contested = intersection(outside, union(*(term.ranges for term in doubt)) if doubt else ())
        terms.append(Term(contested, ((_OVERLAP, True),)))
        terms.append(Term(contested, tuple((term.literals[0][0], False) for term in doubt)))
        return tuple(term for term in terms if term.ranges)

    def terms(self, side: Side) -> tuple[Term, ...]:
        """Return the terms of one side of a rule, for equal sides the same object; their union is the side."""
        if not side.symbols:
            return _plain(side)
        terms = self._of_sides.get(side)
        if terms is None:
            named = (term for symbol in side.symbols for term in self._symbol(symbol))
            terms = self._of_sides[side] = (*_plain(side), *named)
        return terms

    @cached_property
    def _of_sides(self) -> dict[Side, tuple[Term, ...]]:
        return {}

    def _symbol(self, symbol: Symbol) -> tuple[Term, ...]:
        if symbol.is_group:
            return self._group(symbol)
        if symbol.key == "virtualnetwork":
            return self.virtual_network
        if symbol.key == "internet":
            return self.internet
        if symbol == NETWORK_SPACE:
            return self.network_space
        known = _FIXED.get(symbol.key) or self.tags.get(symbol.key)
        return (self._unknown_tag(symbol) if known is None else Term(known),)

    def _group(self, symbol: Symbol) -> tuple[Term, ...]:
        """Return who is in a group: known addresses, those somewhere in a subnet, and whoever was not seen."""
        members = self.groups.get(symbol.key, GroupMembers(is_whole=False))
        unseen = Term(difference(self.space, members.addresses), ((f"{GROUP}{symbol.key}", True),))
        return (Term(members.addresses), *members.somewhere, *(() if members.is_whole else (unseen,)))

    def _unknown_tag(self, symbol: Symbol) -> Term:
        """Return a tag without data: some part of public space, and a part of its parent's."""
        ranges = PUBLIC
        literals: Literals = ((symbol.key, True),)
        for parent in parents(symbol.key):
            known = self.tags.get(parent)
            if known is not None:
                ranges = intersection(ranges, known)
                break
            literals = (*literals, (parent, True))
        return Term(ranges, literals)


@lru_cache(maxsize=16384)
def _plain(side: Side) -> tuple[Term, ...]:
    """Return the terms of the addresses that a side spells out: they mean the same everywhere."""
    return (Term(side.ranges),) if side.ranges else ()


def parents(key: str) -> Iterator[str]:
    """Yield the tags that a tag lies inside of, nearest first, in lower case: `storage.westus` in `storage`."""
    head, dot, _ = key.rpartition(".")
    if dot:
        whole = service_tags.known().get(head)
        if whole is None or not whole.has_regions_outside:
            yield head
            yield from parents(head)
    elif (known := service_tags.known().get(key)) is not None and known.inside is not None:
        yield known.inside.lower()


def is_never_empty(name: str) -> bool:
    """Whether an unknown set is a service tag that is known to hold IPv4 addresses; of regional ones it is not known."""
    known = service_tags.known().get(name)
    return known is not None and known.holds_ipv4
