"""The web apps with their plan, and how it scales."""

from __future__ import annotations

from tests.estates.arm import DEPLOYED, Body, log_settings, path, resource
from tests.estates.chat.endpoints import connections
from tests.estates.chat.identities import assigned, identity_id
from tests.estates.chat.network import subnet_id

_CREATED = 1_707_220_800
_MADE = {"createdAt": DEPLOYED, "lastModifiedAt": DEPLOYED}
_CLOSED = {"defaultAction": "Deny", "ipRules": [], "virtualNetworkRules": []}
_LOGS = path("Microsoft.OperationalInsights/workspaces", "log-chat01")


def _site(name: str, image: str) -> list[Body]:
    kind = "Microsoft.Web/sites"
    hosts = [f"{name}.azurewebsites.net", f"{name}.scm.azurewebsites.net"]
    site = resource(kind, name, location="East US 2", kind="app,linux", identity=assigned("id-app-chat01"))
    site["properties"] = {
        "state": "Running",
        "enabled": True,
        "httpsOnly": False,
        "reserved": True,
        "clientCertEnabled": False,
        "vnetImagePullEnabled": image.startswith("DOCKER|"),
        "defaultHostName": hosts[0],
        "hostNames": hosts[:1],
        "enabledHostNames": hosts,
        "hostNameSslStates": [
            {"name": host, "sslState": "Disabled", "hostType": role}
            for host, role in zip(hosts, ("Standard", "Repository"), strict=True)
        ],
        "serverFarmId": path("Microsoft.Web/serverfarms", "asp-app-chat01"),
        "virtualNetworkSubnetId": subnet_id("snet-appServicePlan"),
        "keyVaultReferenceIdentity": identity_id("id-app-chat01"),
        "siteConfig": {"numberOfWorkers": 1, "linuxFxVersion": image, "alwaysOn": True, "http20Enabled": True},
    }
    everybody = {"ipAddress": "Any", "action": "Allow", "priority": 2_147_483_647, "name": "Allow all"}
    web = {
        "publicNetworkAccess": "Disabled",
        "vnetRouteAllEnabled": True,
        "linuxFxVersion": image,
        "acrUseManagedIdentityCreds": image.startswith("DOCKER|"),
        "minTlsVersion": "1.2",
        "scmMinTlsVersion": "1.2",
        "ftpsState": "FtpsOnly",
        "http20Enabled": True,
        "alwaysOn": True,
        "remoteDebuggingEnabled": False,
        "ipSecurityRestrictions": [dict(everybody)],
        "scmIpSecurityRestrictions": [dict(everybody)],
        "scmIpSecurityRestrictionsUseMain": False,
    }
    ways = [
        resource(f"{kind}/basicPublishingCredentialsPolicies", name, way, location=None, properties={"allow": True})
        for way in ("ftp", "scm")
    ]
    kept = ("HTTPLogs", "ConsoleLogs", "AppLogs", "PlatformLogs")
    logs = [{"category": f"AppService{category}", "enabled": True} for category in kept]
    return [
        site,
        resource(f"{kind}/config", name, "web", location=None, properties=web),
        resource(f"{kind}/config", name, "authsettingsV2", location=None, properties={"platform": {"enabled": False}}),
        *ways,
        *connections(site),
        log_settings(site, logs=logs),
    ]


def bodies() -> list[Body]:
    """Return the plan and the apps with what belongs to each."""
    size = {"name": "P2v2", "capacity": 3, "tier": "PremiumV2", "size": "P2v2", "family": "Pv2"}
    plan = resource(
        "Microsoft.Web/serverfarms",
        "asp-app-chat01",
        location="East US 2",
        sku=size,
        kind="linux",
        properties={
            "provisioningState": "Succeeded",
            "status": "Ready",
            "zoneRedundant": True,
            "reserved": True,
            "numberOfWorkers": 3,
            "numberOfSites": 2,
        },
    )
    trigger = {
        "metricName": "CpuPercentage",
        "metricResourceUri": plan["id"],
        "operator": "GreaterThan",
        "threshold": 70,
        "statistic": "Average",
        "timeAggregation": "Average",
        "timeGrain": "PT1M",
        "timeWindow": "PT10M",
    }
    out = {"direction": "Increase", "type": "ChangeCount", "value": "1", "cooldown": "PT5M"}
    scale = resource(
        "Microsoft.Insights/autoscalesettings",
        "asp-app-chat01-autoscale",
        properties={
            "enabled": True,
            "name": "asp-app-chat01-autoscale",
            "targetResourceUri": plan["id"],
            "profiles": [
                {
                    "name": "Scale out condition",
                    "capacity": {"minimum": "3", "default": "3", "maximum": "5"},
                    "rules": [{"metricTrigger": trigger, "scaleAction": out}],
                }
            ],
        },
    )
    page = "DOCKER|mcr.microsoft.com/appsvc/staticsite:latest"
    return [plan, scale, *_site("app-chat01", "DOTNETCORE|7.0"), *_site("app-chat01-pf", page)]
