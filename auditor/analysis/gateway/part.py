"""Name the parts of an Application Gateway, which older exports leave without ids."""

from __future__ import annotations

from typing import Final

from auditor import resource_id as ids
from auditor.azure import body
from auditor.model import Resource
from auditor.network import gateway_pools
from auditor.network.gateway_pools import Layer

_ENCRYPTED: Final = {"https", "tls"}
_WAF_TIERS: Final = {"waf", "waf_v2"}


def has_firewall(gateway: Resource) -> bool:
    """Whether the tier of a gateway has a web application firewall."""
    return (body.text(gateway.body, "properties.sku.tier") or "").lower() in _WAF_TIERS


def is_encrypted(listener: object) -> bool:
    """Whether a listener takes encrypted traffic only."""
    return (body.text(listener, "properties.protocol") or "").lower() in _ENCRYPTED


def listener_name(gateway: Resource, layer: Layer, place: str, entry: object) -> str:
    """Return the name of a listener; of one for connections with its list, where one for requests has the same."""
    name = part_name(place, entry)
    if layer is gateway_pools.REQUESTS:
        return name
    others = body.enumerate_objects(gateway.body, f"properties.{gateway_pools.REQUESTS.listeners}")
    is_taken = any(part_name(where, one).lower() == name.lower() for where, one in others)
    return f"{layer.listeners}/{name}" if is_taken else name


def part_name(place: str, entry: object) -> str:
    """Return the name of a part that stands at a path."""
    return body.text(entry, "name") or ids.name_of(body.text(entry, "id") or place)
