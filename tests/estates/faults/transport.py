"""What is sent unencrypted, or by old versions; the gateway and its firewall; the apps' own settings."""

from __future__ import annotations

from collections.abc import Iterator

from tests.estates.draft import Change, Draft
from tests.estates.faults.fault import Fault, all_of, drops, sets
from tests.estates.faults.openness import SITES, SLOTS, STORAGE

GATEWAY = "applicationGateways/agw-chat01"
POLICY = "ApplicationGatewayWebApplicationFirewallPolicies/waf-chat01"
VERSIONED = "https://kv-chat01.vault.azure.net/secrets/gateway-public-cert/0123456789abcdef0123456789abcdef"
_SETTINGS = "backendHttpSettingsCollection.0.properties"


def _set(path: str, value: object, *, end: str = GATEWAY) -> Change:
    return lambda draft: draft.put(end, path, value)


def _apps() -> Iterator[Fault]:
    for end in (*SITES, *SLOTS):
        web = f"{end}/config/web"
        yield Fault(f"{end} takes HTTP", ("APP-TLS-001",), sets(end, httpsOnly=False))
        for version in ("1.0", "1.1"):
            yield Fault(f"{end} takes TLS {version}", ("APP-TLS-002",), sets(web, minTlsVersion=version))
            yield Fault(
                f"{end} takes TLS {version} for releases", ("APP-TLS-002",), sets(web, scmMinTlsVersion=version)
            )
        yield Fault(f"{end} takes TLS 1.3 only", (), sets(web, minTlsVersion="1.3"))
        yield Fault(f"{end} takes plain FTP", ("APP-IAM-003",), sets(web, ftpsState="AllAllowed"))
        yield Fault(f"{end} is debugged from afar", ("APP-SEC-001",), sets(web, remoteDebuggingEnabled=True))
        yield Fault(f"{end} is not encrypted inside", ("APP-TLS-003",), sets(end, endToEndEncryptionEnabled=False))
        yield Fault(f"{end} has no health check", ("APP-REL-004",), drops(web, "healthCheckPath"))
        for way in ("ftp", "scm"):
            taken = sets(f"{end}/basicPublishingCredentialsPolicies/{way}", allow=True)
            yield Fault(f"{end} takes passwords by {way}", ("APP-IAM-003",), taken)
        yield Fault(f"{end} leaves the network", ("APP-NET-003",), drops(end, "virtualNetworkSubnetId"))
    for end in (SITES[0], SLOTS[0]):
        users = f"{end}/config/authsettingsV2"
        yield Fault(f"{end} signs nobody in", ("APP-IAM-001",), sets(users, platform__enabled=False))
        lets = {"globalValidation__unauthenticatedClientAction": "AllowAnonymous"}
        yield Fault(f"{end} lets anonymous users in", ("APP-IAM-001",), sets(users, **lets))
        yield Fault(
            f"{end} asks for no sign-in", ("APP-IAM-001",), sets(users, globalValidation__requireAuthentication=False)
        )
        paths = sets(users, globalValidation__excludedPaths=["/api/*"])
        yield Fault(f"{end} leaves a path open", ("APP-IAM-001",), paths)
        issuer = "identityProviders__azureActiveDirectory__registration__openIdIssuer"
        common = {issuer: "https://login.microsoftonline.com/common/v2.0"}
        yield Fault(f"{end} takes users of all tenants", ("APP-IAM-001",), sets(users, **common))
    for end in (SITES[1], SLOTS[1]):
        web = f"{end}/config/web"
        latest = sets(web, linuxFxVersion="DOCKER|crchat01.azurecr.io/flow:latest")
        yield Fault(f"{end} runs the latest image", ("APP-SEC-004",), latest)
        elsewhere = sets(web, linuxFxVersion="DOCKER|docker.io/somebody/flow:1.0.0")
        yield Fault(f"{end} runs somebody's image", ("APP-SEC-004",), elsewhere)
        yield Fault(f"{end} pulls with a password", ("APP-SEC-004",), sets(web, acrUseManagedIdentityCreds=False))
        yield Fault(f"{end} pulls past the network", ("APP-SEC-004",), sets(end, vnetImagePullEnabled=False))


def _storage() -> Iterator[Fault]:
    for end in STORAGE:
        for version in ("TLS1_0", "TLS1_1"):
            yield Fault(f"{end} takes {version}", ("STOR-TLS-001",), sets(end, minimumTlsVersion=version))
        yield Fault(f"{end} never set its version", ("STOR-TLS-001",), drops(end, "minimumTlsVersion"))
        yield Fault(f"{end} takes HTTP", ("STOR-TLS-001",), sets(end, supportsHttpsTrafficOnly=False))


def _plain_listener(draft: Draft) -> None:
    listener = draft[GATEWAY]["properties"]["httpListeners"][0]["properties"]
    listener["protocol"] = "Http"
    del listener["sslCertificate"]


def _firewall_detached(draft: Draft) -> None:
    draft.drop(GATEWAY, "firewallPolicy")
    draft.put(POLICY, "applicationGateways", [])


def _second_backend(draft: Draft) -> None:
    draft[GATEWAY]["properties"]["backendAddressPools"][0]["properties"]["backendAddresses"] += [
        {"fqdn": "www.example.com"}
    ]


def _zones(end: str, *zones: str) -> Change:
    def make(draft: Draft) -> None:
        draft[end].pop("zones")
        draft[end].update({"zones": list(zones)} if zones else {})

    return make


def _gateway() -> Iterator[Fault]:
    for version in ("TLSv1_0", "TLSv1_1"):
        yield Fault(f"the gateway takes {version}", ("AGW-TLS-002",), _set("sslPolicy.minProtocolVersion", version))
    weak = ["TLS_RSA_WITH_AES_128_CBC_SHA"]
    yield Fault("the gateway offers a weak cipher", ("AGW-TLS-002",), _set("sslPolicy.cipherSuites", weak))
    old = {"policyType": "Predefined", "policyName": "AppGwSslPolicy20150501"}
    yield Fault("the gateway uses an old policy", ("AGW-TLS-002",), _set("sslPolicy", old))
    new = {"policyType": "Predefined", "policyName": "AppGwSslPolicy20220101S"}
    yield Fault("the gateway uses a strict policy of Azure's", (), _set("sslPolicy", new))
    yield Fault("the gateway listens to HTTP", ("AGW-TLS-001",), _plain_listener)
    plain = all_of(_set(f"{_SETTINGS}.protocol", "Http"), _set(f"{_SETTINGS}.port", 80))
    yield Fault("the gateway calls the app by HTTP", ("AGW-TLS-003",), plain)
    for check in ("validateCertChainAndExpiry", "validateSNI"):
        yield Fault(f"the gateway's {check} is off", ("AGW-TLS-003",), _set(f"{_SETTINGS}.{check}", value=False))
    # nothing else reads the secret: it is left over
    uploaded = drops(GATEWAY, "sslCertificates.0.properties.keyVaultSecretId")
    yield Fault("the certificate was uploaded", ("AGW-TLS-004", "KV-SEC-004"), uploaded)
    versioned = _set("sslCertificates.0.properties.keyVaultSecretId", VERSIONED)
    yield Fault("the certificate is of one version", ("AGW-TLS-004",), versioned)
    back = sets(GATEWAY, backendHttpSettingsCollection__0__properties__pickHostNameFromBackendAddress=True)
    yield Fault("the app is called by its own name", ("APP-TLS-004",), back)
    yield Fault("the gateway probes nothing", ("AGW-REL-003",), drops(GATEWAY, f"{_SETTINGS}.probe"))
    yield Fault("the gateway probes by HTTP", ("AGW-REL-003",), _set("probes.0.properties.protocol", "Http"))
    yield Fault("the gateway forwards to strangers, too", ("AGW-NET-001",), _second_backend)
    yield Fault("the gateway is in one zone", ("AGW-REL-001",), _zones(GATEWAY, "1"))
    yield Fault("the gateway names no zone", (), _zones(GATEWAY))
    yield Fault("the gateway's address is in one zone", ("AGW-REL-001",), _zones("publicIPAddresses/pip-chat01", "1"))
    yield Fault("Bastion's address is in one zone", ("JMP-REL-001",), _zones("publicIPAddresses/pip-ab-chat01", "2"))
    for least in (0, 2):
        yield Fault(f"the gateway keeps {least}", ("AGW-REL-002",), _set("autoscaleConfiguration.minCapacity", least))
    fixed = all_of(drops(GATEWAY, "autoscaleConfiguration"), _set("sku.capacity", 2))
    yield Fault("the gateway stays at two", ("AGW-REL-002",), fixed)


def _firewall() -> Iterator[Fault]:
    for path, value in {"mode": "Detection", "state": "Disabled", "requestBodyCheck": False}.items():
        change = _set(f"policySettings.{path}", value, end=POLICY)
        yield Fault(f"the firewall's {path} is {value}", ("AGW-SEC-002",), change)
    for number, name in enumerate(("OWASP", "bots")):
        without = drops(POLICY, f"managedRules.managedRuleSets.{number}")
        yield Fault(f"the firewall has no rules for {name}", ("AGW-SEC-003",), without)
    older = _set("managedRules.managedRuleSets.0.ruleSetVersion", "3.1", end=POLICY)
    yield Fault("the firewall's rules are old", ("AGW-SEC-003",), older)
    # the policy is also one of the components that the workload must have
    yield Fault("the gateway has no firewall", ("AGW-SEC-001", "GOV-INV-001"), _firewall_detached)
    cheap = _set("sku", {"name": "Standard_v2", "tier": "Standard_v2"})
    yield Fault("the gateway's tier has no firewall", ("AGW-SEC-001",), cheap)
    off = sets("virtualNetworks/vnet-chat01", enableDdosProtection=False)
    yield Fault("the network is without DDoS protection", ("NET-DDOS-001",), off)
    mode = sets("publicIPAddresses/pip-chat01", ddosSettings__protectionMode="Disabled")
    yield Fault("the gateway's address refuses DDoS protection", ("NET-DDOS-001",), mode)
    bastions = sets("publicIPAddresses/pip-ab-chat01", ddosSettings__protectionMode="Disabled")
    yield Fault("Bastion's address refuses DDoS protection", (), bastions)


FAULTS = (*_apps(), *_storage(), *_gateway(), *_firewall())
