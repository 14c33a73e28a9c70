"""Find out whether web apps and their deployment sites are open: the switch, private endpoints, access rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from auditor import resource_id as ids
from auditor.analysis.contract import Context
from auditor.analysis.exposure import entry
from auditor.analysis.exposure.entry import EntryPoint, EntryState, covered
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, difference, union
from auditor.estate.private_connections import connections_of, target_connections
from auditor.estate.service_relations import SLOTS
from auditor.model import Gap, Resource

_SWITCH: Final = "properties.publicNetworkAccess"


def app_entries(context: Context, app: Resource) -> Iterator[EntryPoint]:
    """Yield the site and its deployment site; both hear the switch, each has access rules of its own.

    A value inside the site's configuration is no switch: Azure has stopped to heed it.

    https://learn.microsoft.com/azure/app-service/overview-access-restrictions
    """
    settings = _settings(context, app)
    stated = body.text(app.body, _SWITCH) or None
    closed = _closed(context, app, stated)
    for name, prefix in (("site", "ipSecurityRestrictions"), ("scm", "scmIpSecurityRestrictions")):
        if closed is not None:
            state, said, gap = closed
        else:
            gap = _gap(context, app, settings)
            used = "ipSecurityRestrictions" if _shares(settings) else prefix
            state, said = _by_rules(settings, used)
            said = f"publicNetworkAccess={stated or 'Enabled (default)'}, {said}"
            state, said = (EntryState.UNKNOWN, f"{gap.what} was not collected") if gap else (state, said)
        inputs = ((app.id, _SWITCH), (f"{app.id}/config/web", f"properties.{prefix}"))
        yield EntryPoint(app, "service", name, "443", state, said, (app.id,), gap=gap, inputs=inputs)


def _settings(context: Context, app: Resource) -> list[Mapping[str, object]]:
    """Return where site settings are: the whole of them in `config/web`, parts in the site itself."""
    configs = context.estate.children(app.key, f"{app.type_key}/config")
    found = [config.properties for config in configs if config.name.rpartition("/")[2].lower() == "web"]
    own = body.value(app.body, "properties.siteConfig")
    return [*found, *([own] if isinstance(own, dict) else [])]


def _gap(context: Context, app: Resource, settings: list[Mapping[str, object]]) -> Gap | None:
    if any(body.value(one, "ipSecurityRestrictions") is not None for one in settings):
        return None
    return context.estate.gap_at(app.key, "properties.siteConfig") or context.estate.type_gap(
        f"{app.type_key}/config", f"{app.key}/config/web"
    )


def _closed(context: Context, app: Resource, stated: str | None) -> tuple[EntryState, str, Gap | None] | None:
    """Return that the switch closes both sites, or that it is not known; None where access rules decide."""
    if body.same_text(stated, "Disabled"):
        return EntryState.CLOSED, "publicNetworkAccess=Disabled", None
    gap = context.estate.gap_at(app.key, _SWITCH)
    if stated is None and gap is not None:
        return EntryState.UNKNOWN, f"{gap.what} was not collected", gap
    if stated is None and _is_connected(context, app):
        said = "publicNetworkAccess is absent and a private endpoint is approved (documented default)"
        return EntryState.CLOSED, said, None
    return None


def _is_connected(context: Context, app: Resource) -> bool:
    """Whether a private endpoint is connected to this very app: that of a slot leads to the site, and names the slot.

    One that is known not to be approved closes nothing.
    """
    listed = target_connections(context.estate, app) or ()
    away = [one for one in listed if one.endpoint is None or context.estate.get(one.endpoint) is None]
    slot = f"sites-{ids.name_of(app.key)}" if app.type_key == SLOTS else None
    site = (ids.parent_of(app.key) or "") if slot else app.key
    known = (context.estate.get(key) for key in context.estate.sources(site, "private-endpoint-for"))
    to_site = [
        one for endpoint in known if endpoint is not None for one in connections_of(endpoint) if one.target == site
    ]
    own = [
        one
        for one in to_site
        if (slot in one.groups if slot else not any(group.startswith("sites-") for group in one.groups))
    ]
    states = [*(one.status for one in away), *(one.status for one in own)]
    return any(state is None or body.same_text(state, "Approved") for state in states)


def _shares(settings: list[Mapping[str, object]]) -> bool:
    return any(body.flag(one, "scmIpSecurityRestrictionsUseMain") is True for one in settings)


def _by_rules(settings: list[Mapping[str, object]], name: str) -> tuple[EntryState, str]:
    """Return who the access rules let in; any rule at all turns the rest into Deny, unless it is said otherwise."""
    rules = next((entries for one in settings if (entries := body.objects(one, name))), ())
    default = next((text for one in settings if (text := body.text(one, f"{name}DefaultAction"))), None)
    allowed: Ranges = ()
    decided: Ranges = ()
    texts: list[str] = []
    odd: list[str] = []
    for rule in sorted(rules, key=lambda rule: body.number(rule, "priority") or 65000):
        text = body.text(rule, "ipAddress") or ""
        numbers = addresses.ANY if text.lower() == "any" else addresses.parse(text)
        is_allow = not body.same_text(body.text(rule, "action") or "Allow", "Deny")
        if numbers is None:
            odd += [text or "a rule without address"] if is_allow and not _is_private(rule) else []
            continue
        if is_allow:
            allowed = union(allowed, difference(numbers, decided))
            texts.append(text)
        decided = union(decided, numbers)
    is_denied = body.same_text(default, "Deny") or (default is None and bool(rules))
    if not is_denied:
        allowed = union(allowed, difference(addresses.ANY, decided))
    state = covered(allowed, odd)
    if state is EntryState.UNKNOWN:  # a service tag lets in somebody, but never everybody
        return EntryState.RESTRICTED, f"{name} let in {', '.join([*texts, *odd][:5])}"
    how = f"{name}DefaultAction={default}" if default else f"{name}DefaultAction absent"
    return state, f"{how}, {entry.listed(state, texts)}" if is_denied else f"{how}, the rest is allowed"


def _is_private(rule: Mapping[str, object]) -> bool:
    """Whether a rule is about a subnet, which is not the Internet."""
    return body.text(rule, "vnetSubnetResourceId") is not None
