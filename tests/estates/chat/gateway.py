"""The way in: the application gateway with its firewall policy."""

from __future__ import annotations

from tests.estates.arm import Body, log_settings, nested, path, reference, resource
from tests.estates.chat.identities import assigned
from tests.estates.chat.network import subnet_id


def _gateway(policy: Body) -> Body:
    kind = "Microsoft.Network/applicationGateways"
    identity = assigned("id-agw-chat01")
    gateway = resource(kind, "agw-chat01", identity=identity, zones=["1", "2", "3"])
    address = reference(path("Microsoft.Network/publicIPAddresses", "pip-chat01"))
    subnet = reference(subnet_id("snet-appGateway"))
    front = nested(
        gateway,
        "frontendIPConfigurations",
        "appGwPublicFrontendIp",
        privateIPAllocationMethod="Dynamic",
        publicIPAddress=address,
    )
    port = nested(gateway, "frontendPorts", "port-443", port=443)
    probe = nested(
        gateway,
        "probes",
        "probe-webchat01",
        protocol="Https",
        path="/favicon.ico",
        interval=30,
        timeout=30,
        unhealthyThreshold=3,
        pickHostNameFromBackendHttpSettings=True,
        match={"statusCodes": ["200-399", "401", "403"]},
    )
    secret = "https://kv-chat01.vault.azure.net/secrets/gateway-public-cert"  # noqa: S105 - where it is, not what it is
    certificate = nested(gateway, "sslCertificates", "agw-chat01-ssl-certificate", keyVaultSecretId=secret)
    hosts = [{"fqdn": "app-chat01.azurewebsites.net"}]
    pool = nested(gateway, "backendAddressPools", "pool-app-chat01", backendAddresses=hosts)
    settings = nested(
        gateway,
        "backendHttpSettingsCollection",
        "WebAppBackendHttpSettings",
        port=443,
        protocol="Https",
        cookieBasedAffinity="Disabled",
        pickHostNameFromBackendAddress=True,
        requestTimeout=20,
        probe=reference(probe["id"]),
    )
    listener = nested(
        gateway,
        "httpListeners",
        "WebAppListener",
        frontendIPConfiguration=reference(front["id"]),
        frontendPort=reference(port["id"]),
        sslCertificate=reference(certificate["id"]),
        protocol="Https",
        hostName="www.contoso.com",
        hostNames=[],
        requireServerNameIndication=True,
    )
    route = nested(
        gateway,
        "requestRoutingRules",
        "WebAppRoutingRule",
        ruleType="Basic",
        priority=100,
        httpListener=reference(listener["id"]),
        backendAddressPool=reference(pool["id"]),
        backendHttpSettings=reference(settings["id"]),
    )
    ciphers = ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]
    gateway["properties"] = {
        "provisioningState": "Succeeded",
        "operationalState": "Running",
        "sku": {"name": "WAF_v2", "tier": "WAF_v2"},
        "autoscaleConfiguration": {"minCapacity": 3, "maxCapacity": 5},
        "enableHttp2": False,
        "sslPolicy": {"policyType": "Custom", "minProtocolVersion": "TLSv1_2", "cipherSuites": ciphers},
        "firewallPolicy": reference(policy["id"]),
        "gatewayIPConfigurations": [nested(gateway, "gatewayIPConfigurations", "appGatewayIpConfig", subnet=subnet)],
        "frontendIPConfigurations": [front],
        "frontendPorts": [port],
        "probes": [probe],
        "sslCertificates": [certificate],
        "backendAddressPools": [pool],
        "backendHttpSettingsCollection": [settings],
        "httpListeners": [listener],
        "requestRoutingRules": [route],
    }
    return gateway


def _firewall_policy() -> Body:
    sets = [("OWASP", "3.2"), ("Microsoft_BotManagerRuleSet", "1.0")]
    return resource(
        "Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies",
        "waf-chat01",
        properties={
            "provisioningState": "Succeeded",
            "resourceState": "Enabled",
            "policySettings": {
                "state": "Enabled",
                "mode": "Prevention",
                "requestBodyCheck": True,
                "maxRequestBodySizeInKb": 128,
                "fileUploadLimitInMb": 10,
            },
            "managedRules": {
                "managedRuleSets": [
                    {"ruleSetType": name, "ruleSetVersion": version, "ruleGroupOverrides": []} for name, version in sets
                ],
                "exclusions": [],
            },
            "customRules": [],
            "applicationGateways": [reference(path("Microsoft.Network/applicationGateways", "agw-chat01"))],
        },
    )


def bodies() -> list[Body]:
    """Return the gateway and its policy."""
    policy = _firewall_policy()
    gateway = _gateway(policy)
    bastion = {"id": path("Microsoft.Network/bastionHosts", "ab-chat01")}
    return [gateway, policy, log_settings(gateway), log_settings(bastion)]
