"""Read which network security perimeter a service belongs to, whom it lets in, and whether it decides.

https://learn.microsoft.com/azure/private-link/network-security-perimeter-transition
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges
from auditor.estate.graph import Estate
from auditor.estate.network_relations import ASSOCIATIONS
from auditor.model import Gap, Resource

PROFILES: Final = "microsoft.network/networksecurityperimeters/profiles"
ACCESS_RULES: Final = "microsoft.network/networksecurityperimeters/profiles/accessrules"
TYPES: Final = frozenset({ASSOCIATIONS, PROFILES, ACCESS_RULES})
"""The types that say what a perimeter lets in, in lower case."""
_OWN_VIEW: Final = "/networksecurityperimeterconfigurations"


class AccessMode(StrEnum):
    """How an association of a perimeter works: it decides alone, lets in besides the service's firewall, or only logs."""

    ENFORCED = "Enforced"
    LEARNING = "Learning"
    AUDIT = "Audit"


class Decider(StrEnum):
    """Whose rules let traffic from the Internet in."""

    NOBODY = "nobody is let in"
    SERVICE = "the service's firewall"
    PERIMETER = "the perimeter"
    EITHER = "the service's firewall or the perimeter"
    UNKNOWN = "not known"


class Perimeter(Struct, frozen=True):
    """The perimeter that a service belongs to, as it is for that service.

    `admits` are the addresses that inbound rules let in, `subscriptions` those whose resources they let in, `others`
    the service tags, `odd` what cannot be read. `gap` is why not all of that is known; `source` is the resource that says so.
    """

    source: Resource
    mode: AccessMode | None
    profile: str | None
    admits: Ranges = ()
    texts: tuple[str, ...] = ()
    subscriptions: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    gap: Gap | None = None

    @property
    def name(self) -> str:
        """Return the perimeter's name, or that of the association where it tells none."""
        head, found, tail = self.source.id.lower().partition("/networksecurityperimeters/")
        return tail.partition("/")[0] if found and head else self.source.name


def perimeter_of(estate: Estate, resource: Resource) -> Perimeter | None:
    """Return the perimeter that a service is associated with, or None where the estate shows none."""
    found = (estate.get(key) for key in estate.sources(resource.key, "secured-by"))
    for association in found:
        if association is not None and association.type_key == ASSOCIATIONS:
            return _by_association(estate, association)
    for view in estate.children(resource.key, resource.type_key + _OWN_VIEW):
        return _by_own_view(view)
    return None


def decider(access: str, perimeter: Perimeter | None) -> Decider:
    """Return whose rules decide, by the value of publicNetworkAccess and the mode of the association.

    Azure documents all of that but a perimeter in audit mode for a service that leaves everything to it.
    """
    stated = access.lower()
    if perimeter is None:
        # A perimeter that was not read may be anywhere.
        alone = {"disabled": Decider.NOBODY, "securedbyperimeter": Decider.UNKNOWN}
        return alone.get(stated, Decider.SERVICE)
    match perimeter.mode:
        case None:
            return Decider.UNKNOWN
        case AccessMode.ENFORCED:
            return Decider.PERIMETER
        case AccessMode.LEARNING:
            return Decider.PERIMETER if stated in {"disabled", "securedbyperimeter"} else Decider.EITHER
        case AccessMode.AUDIT:
            audited = {"disabled": Decider.PERIMETER, "securedbyperimeter": Decider.UNKNOWN}
            return audited.get(stated, Decider.EITHER)


def _by_association(estate: Estate, association: Resource) -> Perimeter:
    key = body.sub_resource(association.properties, "profile")
    profile = estate.get(key) if key else None
    gap = _not_in_force(association) or estate.gap_at(association.key, "properties")
    if gap is None and key is None:
        gap = Gap(association.id, "properties.profile", "the association names no profile")
    if gap is None and key is not None and profile is None:
        gap = estate.unseen(key) or Gap(key, PROFILES, "the association's profile does not exist")
    if gap is None and key is not None:
        gap = estate.type_gap(ACCESS_RULES, key)
    rules = estate.children(key, ACCESS_RULES) if key else ()
    return _perimeter(association, (rule.properties for rule in rules), key, gap)


def _by_own_view(view: Resource) -> Perimeter:
    """Return what a service itself shows of its perimeter: the association and the profile with its rules."""
    rules = body.objects(view.properties, "profile.accessRules")
    found = _perimeter(view, (body.value(rule, "properties") for rule in rules), None, _not_in_force(view))
    mode = _mode(body.text(view.properties, "resourceAssociation.accessMode"))
    named = body.text(view.properties, "profile.name")
    return replace(found, mode=mode, profile=named)


def _not_in_force(resource: Resource) -> Gap | None:
    state = body.text(resource.properties, "provisioningState")
    if state is None or body.same_text(state, "Succeeded"):
        return None
    return Gap(resource.id, "properties.provisioningState", f"the association is {state}")


def _mode(stated: str | None) -> AccessMode | None:
    if stated is None:
        return AccessMode.LEARNING  # the documented default
    return next((mode for mode in AccessMode if body.same_text(stated, mode.value)), None)


def _perimeter(source: Resource, rules: Iterable[object], profile: str | None, gap: Gap | None) -> Perimeter:
    texts: list[str] = []
    subscriptions: list[str] = []
    others: list[str] = []
    for rule in rules:
        if body.same_text(body.text(rule, "direction"), "Outbound"):
            continue
        texts += body.text_or_texts(rule, "addressPrefixes")
        subscriptions += [text for one in body.objects(rule, "subscriptions") if (text := body.text(one, "id"))]
        others += body.text_or_texts(rule, "serviceTags")
    numbers, unreadable = addresses.read_ranges(texts)
    return Perimeter(
        source=source,
        mode=_mode(body.text(source.properties, "accessMode")),
        profile=ids.name_of(profile) if profile else None,
        admits=numbers,
        texts=tuple(texts),
        subscriptions=tuple(dict.fromkeys(subscriptions)),
        others=tuple(others),
        odd=unreadable,
        gap=gap,
    )
