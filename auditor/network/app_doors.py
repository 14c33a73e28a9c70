"""Read the public doors of web apps and of their deployment sites: the switch, private endpoints, access rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, difference, union
from auditor.estate.graph import Estate
from auditor.estate.private_connections import LISTED, connections_of, target_connections
from auditor.estate.service_relations import SLOTS
from auditor.model import Gap, Resource

_SWITCH: Final = "properties.publicNetworkAccess"
_ENVIRONMENTS: Final = "Microsoft.Web/hostingEnvironments"
_BALANCING: Final = "properties.internalLoadBalancingMode"
_BALANCED: Final = {"site": "web", "scm": "publishing"}
"""What of an environment is internal for the site and for its deployment site."""
_SECRET: Final = frozenset({"x-azure-fdid"})
"""Headers, in lower case, whose value only those who are meant know; any other one may be made up by whoever asks."""


class AppDoor(Struct, frozen=True):
    """A public door of an app: the addresses let in, other senders (service tags), and the subnets; `by` says why.

    `is_off`: there is none. `texts` are the rules as spelled, to be told with `by` unless it tells them (`is_told`).
    """

    name: str
    by: str
    is_off: bool = False
    admits: Ranges = ()
    texts: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    gap: Gap | None = None
    is_told: bool = True
    inputs: tuple[tuple[str, str], ...] = ()


def app_doors(estate: Estate, app: Resource) -> Iterator[AppDoor]:
    """Yield the door of the site and of its deployment site; both hear the switch, each has access rules of its own.

    A value inside the site's configuration is no switch: Azure has stopped to heed it.

    https://learn.microsoft.com/azure/app-service/overview-access-restrictions
    """
    settings = _settings(estate, app)
    stated = body.text(app.body, _SWITCH) or None
    closed = _closed(estate, app, stated)
    for name, prefix in (("site", "ipSecurityRestrictions"), ("scm", "scmIpSecurityRestrictions")):
        inputs = ((app.id, _SWITCH), (f"{app.id}/config/web", f"properties.{prefix}"))
        inside = _inside(estate, app, _BALANCED[name])
        if inside is not None and not (closed is not None and closed.is_off):
            yield replace(inside, name=name, inputs=inputs)
        elif closed is not None:
            yield replace(closed, name=name, inputs=inputs)
        elif gap := _gap(estate, app, settings):
            yield AppDoor(name, f"{gap.what} was not collected", gap=gap, inputs=inputs)
        else:
            used = "ipSecurityRestrictions" if _shares(settings) else prefix
            door = _by_rules(settings, used)
            said = f"publicNetworkAccess={stated or 'Enabled (default)'}, {door.by}"
            yield replace(door, name=name, by=said, inputs=inputs)


def _inside(estate: Estate, app: Resource, part: str) -> AppDoor | None:
    """Return that an app's environment answers inside its virtual network only, or may; None where it has a public address.

    https://learn.microsoft.com/azure/app-service/environment/networking
    """
    key = body.sub_resource(app.body, "properties.hostingEnvironmentProfile")
    environment = estate.get(key) if key else None
    if key is None:
        return None
    if environment is None or (gap := estate.gap_at(environment.key, _BALANCING)):
        gap = estate.unseen(key) or Gap(key, _ENVIRONMENTS, "not in the estate") if environment is None else gap
        return AppDoor("", f"the environment {ids.name_of(key)} was not collected, and may be internal", gap=gap)
    mode = body.text(environment.body, _BALANCING) or "None"
    is_internal = part in {one.strip().lower() for one in mode.split(",")}
    return AppDoor("", f"internalLoadBalancingMode of {environment.name}={mode}", is_off=True) if is_internal else None


def _settings(estate: Estate, app: Resource) -> list[Mapping[str, object]]:
    """Return where site settings are: the whole of them in `config/web`, parts in the site itself."""
    configs = estate.children(app.key, f"{app.type_key}/config")
    found = [config.properties for config in configs if config.name.rpartition("/")[2].lower() == "web"]
    own = body.value(app.body, "properties.siteConfig")
    return [*found, *([own] if isinstance(own, dict) else [])]


def _gap(estate: Estate, app: Resource, settings: list[Mapping[str, object]]) -> Gap | None:
    if any(body.value(one, "ipSecurityRestrictions") is not None for one in settings):
        return None
    return estate.gap_at(app.key, "properties.siteConfig") or estate.type_gap(
        f"{app.type_key}/config", f"{app.key}/config/web"
    )


def _closed(estate: Estate, app: Resource, stated: str | None) -> AppDoor | None:
    """Return that the switch closes both sites, or that it is not known; None where access rules decide."""
    if body.same_text(stated, "Disabled"):
        return AppDoor("", "publicNetworkAccess=Disabled", is_off=True)
    return None if stated is not None else _closed_by_endpoints(estate, app)


def _closed_by_endpoints(estate: Estate, app: Resource) -> AppDoor | None:
    """Return that a private endpoint closes an app that states no switch, or may; None where there is none."""
    if gap := estate.gap_at(app.key, _SWITCH):
        return AppDoor("", f"{gap.what} was not collected", gap=gap)
    connected = _is_connected(estate, app)
    if isinstance(connected, Gap):
        return AppDoor("", f"publicNetworkAccess is absent, and {connected.reason}", gap=connected)
    if connected:
        said = "publicNetworkAccess is absent and a private endpoint is approved (documented default)"
        return AppDoor("", said, is_off=True)
    if unread := estate.relation_gap(_site_of(app), "privateEndpoint"):
        return AppDoor("", "publicNetworkAccess is absent, and not all private endpoints were collected", gap=unread)
    return None


def _site_of(app: Resource) -> str:
    """Return the key of the site that private endpoints of an app lead to: that of a slot leads to its site."""
    return (ids.parent_of(app.key) or "") if app.type_key == SLOTS else app.key


def _is_connected(estate: Estate, app: Resource) -> bool | Gap:
    """Whether a private endpoint is connected to this very app: that of a slot leads to the site, and names the slot.

    One that is known not to be approved closes nothing.
    """
    listed = target_connections(estate, app) or ()
    away = [one for one in listed if one.endpoint is None or estate.get(one.endpoint) is None]
    slot = f"sites-{ids.name_of(app.key)}" if app.type_key == SLOTS else None
    site = _site_of(app)
    known = (estate.get(key) for key in estate.sources(site, "private-endpoint-for"))
    to_site = [
        one for endpoint in known if endpoint is not None for one in connections_of(endpoint) if one.target == site
    ]
    own = [
        one
        for one in to_site
        if (slot in one.groups if slot else not any(group.startswith("sites-") for group in one.groups))
    ]
    states = [*(one.status for one in away), *(one.status for one in own)]
    if any(body.same_text(state, "Approved") for state in states):
        return True
    unread = "whether the connection of a private endpoint is approved was not read"
    return Gap(app.id, LISTED, unread) if None in states else False


def _shares(settings: list[Mapping[str, object]]) -> bool:
    return any(body.flag(one, "scmIpSecurityRestrictionsUseMain") is True for one in settings)


def _by_rules(settings: list[Mapping[str, object]], name: str) -> AppDoor:
    """Return who the access rules let in; any rule at all turns the rest into Deny, unless it is said otherwise."""
    rules = next((entries for one in settings if (entries := body.objects(one, name))), ())
    default = next((text for one in settings if (text := body.text(one, f"{name}DefaultAction"))), None)
    allowed: Ranges = ()
    decided: Ranges = ()
    texts: list[str] = []
    others: list[str] = []
    subnets: list[str] = []
    for rule in sorted(rules, key=lambda rule: body.number(rule, "priority") or 65000):
        text = body.text(rule, "ipAddress") or ""
        subnet = body.reference(rule, "vnetSubnetResourceId")
        numbers, odd = _sources(rule, text)
        headers = _headers(rule)
        if body.same_text(body.text(rule, "action") or "Allow", "Deny"):
            # Who sends another header than such a rule is about gets past it, and whom a tag is about is not known.
            decided = decided if headers else union(decided, numbers)
            continue
        subnets += [subnet] if subnet else []
        if headers & _SECRET:
            others.append(f"{text or subnet} with {', '.join(sorted(headers))}")
            continue
        if numbers:
            allowed = union(allowed, difference(numbers, decided))
            texts.append(text)
            decided = decided if headers else union(decided, numbers)
        others += odd if not _is_private(rule) else []
    is_denied = body.same_text(default, "Deny") or (default is None and bool(rules))
    if not is_denied:
        allowed = union(allowed, difference(addresses.ANY, decided))
    how = f"{name}DefaultAction={default}" if default else f"{name}DefaultAction absent"
    if others and not addresses.covers_internet(allowed):  # a service tag lets in somebody, but never everybody
        said = f"{name} let in {', '.join([*texts, *others][:5])}"
        return AppDoor("", said, admits=allowed, texts=tuple(texts), others=tuple(others), subnets=tuple(subnets))
    said = how if is_denied else f"{how}, the rest is allowed"
    return AppDoor("", said, admits=allowed, texts=tuple(texts), subnets=tuple(subnets), is_told=not is_denied)


def _sources(rule: Mapping[str, object], text: str) -> tuple[Ranges, list[str]]:
    """Return the addresses that a rule names, and what of it is no address: service tags.

    One rule names several, with commas between them; an address may have its mask beside it.

    https://learn.microsoft.com/azure/app-service/overview-access-restrictions
    """
    pieces = [piece.strip() for piece in text.split(",") if piece.strip()]
    mask = body.text(rule, "subnetMask")
    spelled = [f"{text}/{mask}"] if mask and "/" not in text else pieces
    known = [(piece, addresses.ANY if piece.lower() == "any" else addresses.parse(piece)) for piece in spelled]
    odd = [piece for piece, numbers in known if numbers is None]
    return union((), *(numbers for _, numbers in known if numbers)), odd if pieces else ["a rule without address"]


def _headers(rule: Mapping[str, object]) -> frozenset[str]:
    """Return the headers, in lower case, that a request must have to match a rule; an empty list demands none."""
    named = body.value(rule, "headers")
    return (
        frozenset(name.lower() for name, values in named.items() if values)
        if isinstance(named, Mapping)
        else frozenset()
    )


def _is_private(rule: Mapping[str, object]) -> bool:
    """Whether a rule is about a subnet, which is not the Internet."""
    return body.text(rule, "vnetSubnetResourceId") is not None
