"""Name the parts of an Application Gateway, which older exports leave without ids."""

from __future__ import annotations

from typing import Final

from auditor import resource_id as ids
from auditor.azure import body
from auditor.model import Resource

_WAF_TIERS: Final = {"waf", "waf_v2"}


def has_firewall(gateway: Resource) -> bool:
    """Whether the tier of a gateway has a web application firewall."""
    return (body.text(gateway.body, "properties.sku.tier") or "").lower() in _WAF_TIERS


def part_name(place: str, entry: object) -> str:
    """Return the name of a part that stands at a path."""
    return body.text(entry, "name") or ids.name_of(body.text(entry, "id") or place)
