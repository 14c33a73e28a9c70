"""IPv4 and IPv6 addresses as numbers on one line: IPv4 first, IPv6 behind it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from auditor.azure import body
from auditor.azure.ranges import Ranges, difference, intersection, is_within, normal, size, union

_V6_START: Final = 1 << 32
IPV4: Final[Ranges] = ((0, _V6_START),)
IPV6: Final[Ranges] = ((_V6_START, _V6_START + (1 << 128)),)
ANY: Final[Ranges] = ((0, _V6_START + (1 << 128)),)


@lru_cache(maxsize=4096)
def parse(text: str) -> Ranges | None:
    """Return the addresses that a single address or a CIDR prefix names, or None where it is neither.

    Host bits are dropped: `10.0.1.4/24` is `10.0.1.0/24`.
    """
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None
    start = int(network.network_address) + (_V6_START if network.version == 6 else 0)
    return ((start, start + network.num_addresses),)


def read(of: object, *paths: str) -> Ranges:
    """Return the union of the prefixes that stand at some paths of a body; what is no prefix is left out."""
    ranges = [parse(text) for path in paths for text in body.text_or_texts(of, path)]
    return union(*(addresses for addresses in ranges if addresses is not None)) if any(ranges) else ()


def must_parse(*texts: str) -> Ranges:
    """Return the union of prefixes that are known to be well-formed."""
    return union(*(parse(text) or () for text in texts))


@lru_cache(maxsize=4096)
def parse_range(text: str) -> Ranges | None:
    """Return the addresses of an address, a prefix or a span `first-last` (both included), or None for anything else."""
    start, dash, end = text.partition("-")
    if not dash:
        return parse(start)
    first, last = parse(start), parse(end)
    if first is None or last is None or "/" in text:
        return None
    low, high = first[0][0], last[0][1]
    return ((low, high),) if low < high and (low < _V6_START) == (last[0][0] < _V6_START) else None


def read_ranges(texts: Iterable[str]) -> tuple[Ranges, tuple[str, ...]]:
    """Return the union of the addresses, prefixes and spans in an allow list, and the texts that are none of them."""
    ranges = [(text, parse_range(text)) for text in texts]
    unreadable = tuple(text for text, numbers in ranges if numbers is None)
    return normal(piece for _, numbers in ranges for piece in numbers or ()), unreadable


def text(number: int) -> str:
    """Return the address at this place of the line."""
    if number < _V6_START:
        return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return str(ipaddress.IPv6Address(number - _V6_START))


def prefixes(addresses: Ranges) -> Iterator[str]:
    """Yield the fewest CIDR prefixes (single addresses without a length) that cover the set exactly, in order."""
    for low, length in _blocks(addresses):
        is_single = length == (128 if low >= _V6_START else 32)
        yield text(low) if is_single else f"{text(low)}/{length}"


def widest_ipv4_prefix(addresses: Ranges) -> int | None:
    """Return the length of the widest CIDR prefix in the IPv4 part of the set, 0 being everything; None for none."""
    return min((length for _, length in _blocks(intersection(addresses, IPV4))), default=None)


def blocks(addresses: Ranges) -> Iterator[tuple[int, int]]:
    """Yield the fewest CIDR prefixes that cover the set exactly, each as (first, last + 1), in order."""
    for low, length in _blocks(addresses):
        yield low, low + (1 << ((128 if low >= _V6_START else 32) - length))


def _blocks(addresses: Ranges) -> Iterator[tuple[int, int]]:
    """Yield first address and length of the fewest CIDR prefixes that cover the set exactly, in order."""
    for start, end in addresses:
        for low, high in ((start, min(end, _V6_START)), (max(start, _V6_START), end)):
            yield from _blocks_between(low, high)


def _blocks_between(low: int, high: int) -> Iterator[tuple[int, int]]:
    width, base = (128, _V6_START) if low >= _V6_START else (32, 0)
    while low < high:
        offset = low - base
        bits = min((offset & -offset).bit_length() - 1 if offset else width, (high - low).bit_length() - 1)
        yield low, width - bits
        low += 1 << bits


PLATFORM: Final = must_parse("168.63.129.16/32")
"""The Azure host's virtual address: health probes, DNS, agent traffic."""

METADATA: Final = must_parse("169.254.169.254/32")
"""The instance metadata service."""

RFC_1918: Final = must_parse("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
"""Private space: https://www.rfc-editor.org/rfc/rfc1918. All that App Service sends into its subnet unless told to
send everything: https://learn.microsoft.com/azure/app-service/overview-vnet-integration#application-routing"""

SHARED: Final = must_parse("100.64.0.0/10")
"""Space shared behind carriers' translation, which virtual networks may use: https://www.rfc-editor.org/rfc/rfc6598"""

RARE: Final = must_parse("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")
"""Addresses that no host in a virtual network uses (this network, loopback, link-local, multicast, reserved)."""

NOT_PUBLIC: Final = union(RFC_1918, SHARED, RARE)
PUBLIC_IPV4: Final = difference(IPV4, union(NOT_PUBLIC, PLATFORM))
PUBLIC_IPV6: Final = must_parse("2000::/3")
PUBLIC: Final = union(PUBLIC_IPV4, PUBLIC_IPV6)
"""Addresses of the internet: IPv4 without private, shared, local, multicast and reserved space; IPv6 global unicast."""


@lru_cache(maxsize=1024)
def covers_internet(addresses: Ranges) -> bool:
    """Whether every public address of IPv4, or of IPv6, is in the set: the Internet in several pieces is the Internet."""
    return is_within(PUBLIC_IPV4, addresses) or is_within(PUBLIC_IPV6, addresses)


# The registries hand out IPv4 in blocks of /8 and IPv6 in blocks of /12; what is wider is no single network's.
# https://www.iana.org/assignments/ipv4-address-space, https://www.iana.org/assignments/ipv6-unicast-address-assignments
_BROAD_IPV4: Final = 1 << 24
_BROAD_IPV6: Final = 1 << 116


def is_broad(addresses: Ranges) -> bool:
    """Whether a set is wider than what a registry hands out in one block, so that it belongs to no single network."""
    return size(intersection(addresses, IPV4)) > _BROAD_IPV4 or size(intersection(addresses, IPV6)) > _BROAD_IPV6


STRANGERS: Final = must_parse(
    "8.8.8.8", "9.9.9.9", "208.67.222.222", "2001:4860:4860::8888", "2620:fe::fe", "2620:119:35::35"
)
"""Public resolvers of others than Microsoft: addresses that are in no service tag."""
