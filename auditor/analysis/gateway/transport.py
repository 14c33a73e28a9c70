"""Tell which TLS versions and cipher suites an Application Gateway takes."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Hidden, Known, fact
from auditor.analysis.gateway.part import listener_name, part_name
from auditor.azure import body, tls
from auditor.azure.tls import PolicySource, TlsPolicy
from auditor.model import Resource
from auditor.network import gateway_pools
from auditor.network.gateway_pools import part_key


@fact("gateway.tls", subject="the Application Gateway")
class GatewayTls(Fact, frozen=True, kw_only=True):
    """Which TLS versions and cipher suites a gateway, or one of its TLS profiles, takes."""

    profile: str | None
    """the TLS profile; absent for the gateway's own policy"""
    listeners: tuple[str, ...]
    """the listeners that use the profile"""
    minimum_version: Known[str]
    """the oldest TLS version let in, as `1.2`"""
    source: PolicySource
    """where the policy comes from"""
    policy_name: str | None
    """the predefined policy"""
    weak_ciphers: tuple[str, ...]
    """cipher suites of a custom policy without forward secrecy or with CBC"""
    gateway: Hidden[str]

    def sentence(self) -> str:
        """Say which versions and weak cipher suites are let in."""
        what = f"The TLS profile {self.profile} of {self.gateway}" if self.profile else self.gateway
        is_known = isinstance(self.minimum_version, str)
        version = f"TLS {self.minimum_version} or newer" if is_known else "TLS versions that are not known"
        weak = f", with the weak suites {facts.listed(self.weak_ciphers)}" if self.weak_ciphers else ""
        return f"{what} accepts {version}{weak}."


def tls_facts(context: Context, gateway: Resource) -> Iterator[GatewayTls]:
    """Yield the gateway's TLS policy, then that of each TLS profile which has one of its own."""
    yield _fact(context, gateway, "", tls.read(gateway, gateway.properties, "properties"), ())
    for place, entry in body.enumerate_objects(gateway.body, "properties.sslProfiles"):
        if body.value(entry, "properties.sslPolicy") is None:
            continue
        key = part_key(gateway, "sslProfiles", entry)
        users = (
            listener_name(gateway, layer, where, listener)
            for layer, where, listener in gateway_pools.listeners(gateway)
            if body.sub_resource(listener, "properties.sslProfile") == key
        )
        policy = tls.read(gateway, body.value(entry, "properties"), f"{place}.properties")
        yield _fact(context, gateway, part_name(place, entry), policy, tuple(users))


def _fact(context: Context, gateway: Resource, profile: str, policy: TlsPolicy, users: tuple[str, ...]) -> GatewayTls:
    return GatewayTls(
        about=facts.about(context, gateway.id, sub_object=profile, inputs=[(gateway.id, policy.path)]),
        profile=profile or None,
        listeners=users,
        minimum_version=policy.minimum,
        source=policy.source,
        policy_name=policy.name,
        weak_ciphers=policy.weak_ciphers,
        gateway=gateway.name,
    )
