"""An estate as ARM and Resource Graph would show it."""

from __future__ import annotations

import re
from typing import Any

from auditor import resource_id as ids

Body = dict[str, Any]

IN_RESOURCE_GRAPH = re.compile(
    r"(?i)microsoft\.(network/(?!privateendpoints/|firewallpolicies/|privatednszones/(?!virtualnetworklinks$))[a-z]+(/virtualnetworklinks)?"
    r"|cognitiveservices/accounts|machinelearningservices/workspaces(/onlineendpoints(/deployments)?)?|search/searchservices"
    r"|keyvault/vaults|storage/storageaccounts|containerregistry/registries|web/serverfarms|web/sites(/slots)?"
    r"|insights/(components|autoscalesettings|metricalerts|scheduledqueryrules|activitylogalerts|actiongroups|datacollectionrules)"
    r"|insights/webtests|containerinstance/containergroups|logic/workflows|portal/dashboards|resources/deploymentscripts"
    r"|operationalinsights/workspaces|documentdb/databaseaccounts|managedidentity/userassignedidentities|compute/[a-z]+(/extensions)?|app/containerapps|apimanagement/service|machinelearningservices/registries)"
)
"""Types of the `resources` table, after Microsoft's reference of tables and types."""

_LISTED_BELOW = re.compile(r"(?i)/providers/microsoft\.authorization/(role|deny|policy|locks)\w*$")
_EVERY_RECORD = re.compile(r"/providers/microsoft\.network/privatednszones/[^/]+/all$")
COLUMNS = {
    "id",
    "name",
    "type",
    "location",
    "kind",
    "sku",
    "plan",
    "identity",
    "managedBy",
    "zones",
    "tags",
    "extendedLocation",
    "properties",
    "systemData",
    "apiVersion",
    "subscriptionId",
    "resourceGroup",
    "tenantId",
}


class Estate:
    """Resources by id, children by parent, rows for Resource Graph."""

    def __init__(self, document: Body) -> None:
        self.document = document
        self.tenant = document.get("tenantId", "00000000-0000-0000-0000-00000000ff01")
        self.also_shown: list[str] = document.get("inResourceGraphToo", [])
        self.subscriptions: list[Body] = document.get("subscriptions", [])
        self.bodies: dict[str, Body] = {}
        self.children: dict[str, list[Body]] = {}
        self.by_subscription: dict[str, dict[str, Body]] = {}
        self._rows: dict[str, list[Body]] = {}
        for body in document.get("resources", []):
            self.add(body)

    def add(self, body: Body) -> None:
        """Let a resource exist."""
        key = ids.key(body["id"])
        self.bodies[key] = body
        self.by_subscription.setdefault(ids.subscription_of(key) or "", {})[key] = body
        self.children.setdefault(key.rpartition("/")[0], []).append(body)

    def delete(self, resource_id: str) -> None:
        """Let a resource and what lies below it exist no more."""
        for key in [key for key in self.bodies if ids.is_under(key, resource_id)]:
            body = self.bodies.pop(key)
            del self.by_subscription[ids.subscription_of(key) or ""][key]
            self._rows.clear()
            self.children[key.rpartition("/")[0]].remove(body)

    def get(self, path: str) -> Body | None:
        """Return the resource at a path."""
        return self.bodies.get(ids.key(path))

    def listed(self, path: str) -> list[Body]:
        """Return what a collection's path lists, sorted by id."""
        key = ids.key(path)
        if _LISTED_BELOW.search(key):
            return self._authorization(key)
        found = self.children.get(key, [])
        if _EVERY_RECORD.search(key):
            found = self._records(key.removesuffix("/all"))
        return sorted(found, key=lambda body: ids.key(body["id"]))

    def _records(self, zone: str) -> list[Body]:
        """Return the record sets of a zone of every type; Azure makes each zone with an SOA record, which stays."""
        own = {"id": f"{zone}/SOA/@", "name": "@", "type": "Microsoft.Network/privateDnsZones/SOA", "properties": {}}
        kinds = ("a", "aaaa", "cname", "mx", "ptr", "srv", "txt")
        return [own, *(body for kind in kinds for body in self.children.get(f"{zone}/{kind}", ()))]

    def _authorization(self, key: str) -> list[Body]:
        """Return assignments at, below and above a scope: Azure lists what is inherited too."""
        scope, _, name = key.rpartition("/providers/microsoft.authorization/")
        wanted = f"microsoft.authorization/{name}"
        found = []
        near = ["", ids.subscription_of(scope) or ""]
        for own, body in [pair for name in dict.fromkeys(near) for pair in self.by_subscription.get(name, {}).items()]:
            if str(body.get("type", "")).lower() == wanted:
                place = own.rpartition("/providers/microsoft.authorization/")[0]
                if (
                    ids.is_under(place, scope)
                    or ids.is_under(scope, place)
                    or place.startswith("/providers/microsoft.management/")
                ):
                    found.append(body)
        return sorted(found, key=lambda body: ids.key(body["id"]))

    def groups(self, subscription: str) -> list[Body]:
        """Return the resource groups of a subscription, those that only appear in ids included."""
        scope = f"/subscriptions/{subscription.lower()}"
        own = self.by_subscription.get(subscription.lower(), {})
        found = {key: body for key, body in own.items() if key.count("/") == 4}
        for body in own.values():
            group = ids.resource_group_of(body["id"])
            if group and f"{scope}/resourcegroups/{group.lower()}" not in found:
                place = "/".join(body["id"].split("/")[:5])
                found[ids.key(place)] = {
                    "id": place,
                    "name": group,
                    "type": "Microsoft.Resources/resourceGroups",
                    "location": "eastus2",
                    "properties": {"provisioningState": "Succeeded"},
                }
        return [body for key, body in sorted(found.items()) if key.split("/")[-2] == "resourcegroups"]

    def rows(self, subscriptions: list[str]) -> list[Body]:
        """Return the rows of the `resources` table, as Resource Graph spells them."""
        return [row for text in sorted({text.lower() for text in subscriptions}) for row in self._rows_of(text)]

    def is_shown(self, body: Body) -> bool:
        """Whether a resource is in the `resources` table: by Microsoft's reference, or because the estate says so."""
        kind = str(body.get("type", ""))
        return bool(IN_RESOURCE_GRAPH.fullmatch(kind)) or kind in self.also_shown

    def tracked(self, subscription: str) -> list[Body]:
        """Return the resources of a subscription as ARM lists them: the same as Resource Graph, without properties."""
        own = sorted(self.by_subscription.get(subscription.lower(), {}).items())
        found = [body for _, body in own if self.is_shown(body)]
        return [{name: value for name, value in body.items() if name != "properties"} for body in found]

    def _rows_of(self, subscription: str) -> list[Body]:
        if subscription not in self._rows:
            own = self.by_subscription.get(subscription, {})
            self._rows[subscription] = [
                self._row(subscription, key, body) for key, body in own.items() if self.is_shown(body)
            ]
        return self._rows[subscription]

    def _row(self, subscription: str, key: str, body: Body) -> Body:
        row: Body = dict.fromkeys(COLUMNS)
        row |= {"kind": "", "managedBy": "", **body, "type": str(body["type"]).lower()}
        row |= {"apiVersion": self.document.get("graphVersion", "2026-01-01"), "subscriptionId": subscription}
        return row | {"resourceGroup": ids.resource_group_of(key) or ""}
