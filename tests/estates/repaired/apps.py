"""Repairs of the web apps and of their plan."""

from __future__ import annotations

import json

from tests.estates.arm import SUBSCRIPTION, Body, path, resource
from tests.estates.chat.endpoints import Endpoint, connections, made
from tests.estates.chat.identities import assigned, grant, identity, identity_id, principal
from tests.estates.draft import Draft, put
from tests.estates.repaired.edit import Edit

SITES = ("app-chat01", "app-chat01-pf")
SLOT = "staging"
IMAGE = "DOCKER|crchat01.azurecr.io/flow:1.4.2"
_SITE_TYPE = "Microsoft.Web/sites"
_TENANT_ISSUER = "https://sts.windows.net/00000000-0000-0000-0000-00000000ff01/v2.0"


def _https_only(draft: Draft) -> None:
    for site in SITES:
        draft.put(f"sites/{site}", "httpsOnly", value=True)


def _own_image(draft: Draft) -> None:
    draft.put("sites/app-chat01-pf", "siteConfig.linuxFxVersion", IMAGE)
    draft.put("sites/app-chat01-pf/config/web", "linuxFxVersion", IMAGE)


def _sign_in(draft: Draft) -> None:
    draft["sites/app-chat01/config/authsettingsV2"]["properties"] = {
        "platform": {"enabled": True},
        "globalValidation": {"requireAuthentication": True, "unauthenticatedClientAction": "RedirectToLoginPage"},
        "identityProviders": {
            "azureActiveDirectory": {
                "enabled": True,
                "registration": {"clientId": "chat", "openIdIssuer": _TENANT_ISSUER},
            }
        },
    }


def _identity_of_the_flow(draft: Draft) -> None:
    name = "id-flow-chat01"
    vault = path("Microsoft.KeyVault/vaults", "kv-chat01")
    registry = path("Microsoft.ContainerRegistry/registries", "crchat01")
    for assignment in draft.of_type("Microsoft.Authorization/roleAssignments"):
        about = assignment["properties"]
        if about["principalId"] == principal("id-app-chat01") and about["scope"] == registry:
            draft.remove(assignment["id"].removeprefix("/"))
    draft.add(identity(name), grant(name, "AcrPull", registry), grant(name, "Key Vault Secrets User", vault))
    draft["sites/app-chat01-pf"]["identity"] = assigned(name)
    draft.put("sites/app-chat01-pf", "keyVaultReferenceIdentity", identity_id(name))


def _no_passwords(draft: Draft) -> None:
    for site in SITES:
        for way in ("ftp", "scm"):
            draft.put(f"sites/{site}/basicPublishingCredentialsPolicies/{way}", "allow", value=False)


def _encrypted_inside(draft: Draft) -> None:
    for site in SITES:
        draft.put(f"sites/{site}", "endToEndEncryptionEnabled", value=True)


def _health_checks(draft: Draft) -> None:
    for site in SITES:
        draft.put(f"sites/{site}/config/web", "healthCheckPath", "/health")


def _scale_in(draft: Draft) -> None:
    [profile] = draft["autoscalesettings/asp-app-chat01-autoscale"]["properties"]["profiles"]
    [out] = profile["rules"]
    back: Body = json.loads(json.dumps(out))
    back["metricTrigger"] |= {"operator": "LessThan", "threshold": 40}
    back["scaleAction"]["direction"] = "Decrease"
    profile["rules"].append(back)


def _defender(draft: Draft) -> None:
    tier = {"pricingTier": "Standard"}
    draft.add(
        resource("Microsoft.Security/pricings", "AppServices", below=SUBSCRIPTION, location=None, properties=tier)
    )


def _slots(draft: Draft) -> None:
    for number, site in enumerate(SITES):
        _slot(draft, site, 20 + number)


def _slot(draft: Draft, site: str, address: int) -> None:
    """Add a slot that is as its site is, with an endpoint of its own, which leads to the site and names the slot."""
    top = draft[f"sites/{site}"]["id"]
    host = f"{site}-{SLOT}"
    slot_id = f"{top}/slots/{SLOT}"
    hosts = (f"{host}.azurewebsites.net", f"{host}.scm.azurewebsites.net")
    members = ((f"10.0.2.{address}", f"sites-{SLOT}", hosts),)
    endpoint = Endpoint(f"pep-{host}", top, f"sites-{SLOT}", members)
    for body in draft.below(f"sites/{site}"):
        if "/privateEndpointConnections/" in body["id"]:
            continue
        copy: Body = json.loads(
            json.dumps(body).replace(top, slot_id).replace(f'"{_SITE_TYPE}', f'"{_SITE_TYPE}/slots')
        )
        if copy["id"] == slot_id:
            copy["name"] = f"{site}/{SLOT}"
            put(copy, "properties.defaultHostName", hosts[0])
            put(copy, "properties.publicNetworkAccess", "Disabled")
            put(copy, "properties.hostNames", hosts[:1])
            put(copy, "properties.enabledHostNames", hosts)
            for state, name in zip(copy["properties"]["hostNameSslStates"], hosts, strict=True):
                state["name"] = name
        draft.add(copy)
    [shown] = connections({"id": top, "type": _SITE_TYPE}, endpoints=(endpoint,))
    shown |= {"id": shown["id"].replace(top, slot_id), "type": f"{_SITE_TYPE}/slots/privateEndpointConnections"}
    draft.add(shown, *made(endpoint))


EDITS = (
    Edit("web apps take HTTPS only", ("APP-TLS-001",), _https_only),
    Edit("the flow's image comes from the registry, by a version", ("APP-SEC-004",), _own_image),
    Edit("Entra ID signs in the users of the chat", ("APP-IAM-001",), _sign_in),
    # one identity for both is shared, and has the roles of both: each is asked for by a control of its own
    Edit("the flow has an identity of its own", ("APP-IAM-002", "IAM-RBAC-014"), _identity_of_the_flow),
    Edit("web apps take no passwords for releases", ("APP-IAM-003",), _no_passwords),
    Edit("traffic is encrypted inside App Service", ("APP-TLS-003",), _encrypted_inside),
    Edit("web apps have health checks", ("APP-REL-004",), _health_checks),
    # a setting without a rule that scales in is told by the plan's control and by the one on all autoscale settings
    Edit("the plan scales in", ("APP-REL-003", "REL-AUTO-001"), _scale_in),
    Edit("Defender watches App Service", ("APP-SEC-003",), _defender),
)
SLOTS = Edit("web apps have slots", ("APP-DEP-001",), _slots)
