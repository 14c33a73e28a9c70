"""Tell which virtual networks see each private link zone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.fact import Fact, Hidden, Known, fact
from auditor.analysis.private_link import dns
from auditor.analysis.private_link.endpoints import judged_networks
from auditor.analysis.private_link.reach import Links
from auditor.estate.graph import Estate


@fact("private_link.zone", subject="the private DNS zone")
class ZoneUse(Fact, frozen=True, kw_only=True):
    """Whether a virtual network sees a private link zone, and which of its endpoints register in it."""

    zone: str
    """the zone's name"""
    zone_id: str | None
    """the zone"""
    vnet: str | None
    """the virtual network"""
    linked: Known[bool]
    """whether a completed link exists, or the baseline names the zone as central"""
    link_state: Known[str | None]
    """the state of the link"""
    registration_enabled: Known[bool]
    """whether a link registers machines by itself"""
    central: bool
    """whether the baseline names the zone as central"""
    used_by: tuple[str, ...]
    """endpoints of the network that register in the zone"""
    custom_dns: Known[bool]
    """whether the network asks its own DNS servers"""
    links: Hidden[Sequence[dns.Link]]

    def sentence(self) -> str:
        """Say whether the zone is linked to the network, and whether the link registers machines."""
        link = _best(self.links)
        is_complete = link is not None and link.is_complete
        linked = "linked" if is_complete or self.central else "not linked"
        state = f" (its link is {link.state})" if link and link.state and not is_complete else ""
        registers = " and registers machines by itself" if any(item.registration for item in self.links) else ""
        return f"{self.zone} is {linked} to {self.about.sub_object}{state}{registers}."


def zone_facts(links: Links) -> Iterator[ZoneUse]:
    """Yield a fact per judged network and private link zone that its endpoints register in or that is linked to it."""
    users: dict[tuple[str, str], set[str]] = defaultdict(set)
    for found in links.connections.values():
        for connection in found:
            for registration in links.dns.groups.get(connection.endpoint.key, ()):
                users[connection.network or "", registration.zone].add(connection.endpoint.id)
    for found_links in links.dns.links.values():
        for link in found_links:
            users[link.network or "", link.zone].update(())
    judged = dict(judged_networks(links.context))
    for (network, zone), used_by in sorted(users.items()):
        if network in judged and ids.name_of(zone).startswith("privatelink."):
            yield _fact(links, zone, network, judged[network], sorted(used_by))


def _fact(links: Links, zone: str, network: str, workload: str | None, used_by: Sequence[str]) -> ZoneUse:
    context = links.context
    own = [link for link in links.dns.links.get(zone, ()) if link.network == network]
    link = _best(own)
    central = zone in links.dns.central
    is_linked = central or (link is not None and link.is_complete)
    gap = None if is_linked else dns.links_gap(links.dns, zone)
    owner, component = context.workloads.role_of(zone)
    return ZoneUse(
        about=facts.about(
            context,
            context.estate.spelled(zone) or zone,
            sub_object=ids.name_of(context.estate.spelled(network) or network),
            inputs=[
                *((item.resource.id, "properties") for item in own),
                (context.estate.spelled(zone) or zone, dns.LINKS),
            ],
            role=(owner or workload, component),
        ),
        zone=ids.name_of(zone),
        zone_id=context.estate.spelled(zone),
        vnet=context.estate.spelled(network),
        linked=gap or is_linked,
        link_state=gap or (link.state if link else None),
        registration_enabled=gap or _registers_machines(context.estate, own),
        central=central,
        used_by=tuple(used_by),
        custom_dns=dns.uses_custom_dns(context.estate, network),
        links=own,
    )


def _registers_machines(estate: Estate, links: Sequence[dns.Link]) -> Known[bool]:
    if any(link.registration for link in links):
        return True
    gaps = (estate.gap_at(link.resource.key, "properties.registrationEnabled") for link in links)
    return next(filter(None, gaps), False)


def _best(links: Sequence[dns.Link]) -> dns.Link | None:
    """Return the link that decides: one that is complete comes first."""
    return min(links, key=lambda link: (not link.is_complete, link.resource.key), default=None)
