"""Tell who holds public addresses, and whether that kind of holder may have one, whatever its groups let in today."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.exposure.addresses import INTERFACE_KINDS
from auditor.analysis.fact import Fact, Known, fact
from auditor.azure import body
from auditor.estate.network_relations import (
    BASTIONS,
    FIREWALLS,
    GATEWAYS,
    LOAD_BALANCERS,
    NAT_GATEWAYS,
    NETWORK_GATEWAYS,
    PUBLIC_ADDRESSES,
)
from auditor.model import Gap, Resource
from auditor.network.membership import Membership

_KINDS: Final = {
    **INTERFACE_KINDS,
    BASTIONS: "bastion",
    FIREWALLS: "azureFirewall",
    GATEWAYS: "applicationGateway",
    LOAD_BALANCERS: "loadBalancer",
    NAT_GATEWAYS: "natGateway",
    NETWORK_GATEWAYS: "virtualNetworkGateway",
}


@fact("exposure.public-address", subject="the public address, or what holds addresses that are no resources")
class PublicAddressHolder(Fact, frozen=True, kw_only=True):
    """Who holds a public address."""

    name: str
    """the address's name, or that of the setting that gives addresses to instances"""
    held: Known[bool]
    """whether something holds it that is no NAT gateway; those only let traffic out"""
    holder: Known[str | None]
    """the id of what holds it; absent where nothing does"""
    kind: Known[str | None]
    """the holder's kind: `applicationGateway`, `networkInterface`, `virtualMachineScaleSet`, …"""
    allowed: Known[bool]
    """whether the baseline lets this kind of holder have one"""

    def sentence(self) -> str:
        """Say who holds the address."""
        if not isinstance(self.holder, str):
            return f"Nothing is known to hold public address {self.name}."
        verb = "may have one" if self.allowed is True else "must not have one"
        holder = ids.name_of(self.holder)
        return f"Public address {self.name} is held by {holder}, and this kind of holder ({self.kind}) {verb}."


def holder_facts(context: Context, members: Membership, allowed: AbstractSet[str]) -> Iterator[PublicAddressHolder]:
    """Yield one fact for each public address, and one for each setting by which instances get addresses."""
    for address in context.estate.of_type(PUBLIC_ADDRESSES):
        holders = sorted(key for key in set(context.estate.targets(address.key, "attached")) if not _lets_out_only(key))
        gap = None if holders else context.estate.gap_at(address.key, "properties.ipConfiguration")
        yield _fact(context, address.id, (address.name, ""), _worst(holders, allowed), allowed, gap=gap)
    for address_key, holder in sorted(_of_unread_addresses(context)):
        subject = context.estate.spelled(holder) or holder
        name = ids.name_of(address_key)
        yield _fact(context, subject, (name, name), holder, allowed)
    for member in members.all:
        if member.instance_address is not None:
            name = body.text(member.instance_address, "name") or member.name
            yield _fact(context, member.holder.id, (name, member.name), member.holder.key, allowed)
    for balancer in context.estate.of_type(LOAD_BALANCERS):
        for front in body.objects(balancer.body, "properties.frontendIPConfigurations"):
            if body.sub_resource(front, "properties.publicIPPrefix") is not None:
                name = body.text(front, "name") or "frontend"
                yield _fact(context, balancer.id, (name, name), balancer.key, allowed)


def _of_unread_addresses(context: Context) -> set[tuple[str, str]]:
    """Return (address, holder) for addresses that are not in the estate, but that a resource there says to hold."""
    return {
        (relation.source, relation.target)
        for relation in context.estate.relations
        if relation.kind == "attached"
        and _kind(relation.source) == PUBLIC_ADDRESSES
        and context.estate.resource(relation.source) is None
        and not _lets_out_only(relation.target)
    }


def _lets_out_only(key: str) -> bool:
    return _kind(key) == NAT_GATEWAYS


def _worst(holders: list[str], allowed: AbstractSet[str]) -> str | None:
    return next((key for key in holders if not _is_allowed(key, allowed)), holders[0] if holders else None)


def _fact(
    context: Context,
    subject: str,
    names: tuple[str, str],
    holder: str | None,
    allowed: AbstractSet[str],
    *,
    gap: Gap | None = None,
) -> PublicAddressHolder:
    resource: Resource | None = context.estate.get(holder) if holder else None
    return PublicAddressHolder(
        about=facts.about(context, subject, sub_object=names[1], inputs=[(subject, "properties.ipConfiguration")]),
        name=names[0],
        held=gap or holder is not None,
        holder=gap or (resource.id if resource else holder),
        kind=gap or (None if holder is None else _named_kind(holder, resource)),
        allowed=gap or (holder is not None and _is_allowed(holder, allowed)),
    )


def _named_kind(holder: str, resource: Resource | None) -> str:
    shown = resource.type if resource else ids.type_of(holder) or ""
    return _KINDS.get(_kind(holder)) or shown.rpartition("/")[2]


def _is_allowed(holder: str, allowed: AbstractSet[str]) -> bool:
    """Whether the baseline names the holder's kind, as the tool calls it or as its resource type does."""
    last = _kind(holder).rpartition("/")[2]
    return bool(allowed & {_KINDS.get(_kind(holder), last).lower(), last, last.removesuffix("s")})


def _kind(key: str) -> str:
    return (ids.type_of(key) or "").lower()
