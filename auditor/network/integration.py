"""Tell whether App Service sends its public traffic into the subnet it is integrated with, where rules see it."""

from __future__ import annotations

from typing import Final

from auditor.analysis.contract import Context
from auditor.azure import body
from auditor.model import Gap, Resource

_SITES: Final = frozenset({"microsoft.web/sites", "microsoft.web/sites/slots"})
_CONFIGS: Final = ("microsoft.web/sites/config", "microsoft.web/sites/slots/config")
_SWITCHES: Final = (
    "properties.vnetRouteAllEnabled",
    "properties.siteConfig.vnetRouteAllEnabled",
    "properties.outboundVnetRouting.allTraffic",
    "properties.outboundVnetRouting.applicationTraffic",
)


def is_outbound_filtered(context: Context, subnet: Resource) -> tuple[bool, Gap | None]:
    """Return whether all apps in the subnet route all their traffic through it, and why that is not known, if so.

    Otherwise only traffic to private addresses takes that way.
    https://learn.microsoft.com/azure/app-service/overview-vnet-integration
    """
    found = (context.estate.get(key) for key in context.estate.sources(subnet.key, "attached"))
    apps = [app for app in found if app is not None and app.type_key in _SITES]
    for app in apps:
        if _routes_all(context, app):
            continue
        for path in (*_SWITCHES, "properties.siteConfig"):
            if gap := context.estate.gap_at(app.key, path):
                return False, gap
        gap = next((gap for name in _CONFIGS if (gap := context.estate.type_gap(name, app.id))), None)
        return False, gap if not _configs(context, app) else None
    return True, None


def _routes_all(context: Context, app: Resource) -> bool:
    bodies = [app.body, *(config.body for config in _configs(context, app))]
    return any(body.flag(holder, path) is True for holder in bodies for path in _SWITCHES)


def _configs(context: Context, app: Resource) -> list[Resource]:
    return [child for name in _CONFIGS for child in context.estate.children(app.key, name)]
