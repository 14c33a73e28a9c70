"""Tell which web application firewall stands in front of each listener and path of an Application Gateway."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from auditor import resource_id as ids
from auditor.analysis.contract import Context
from auditor.azure import body
from auditor.model import Gap, Resource
from auditor.network import gateway_pools, waf_policy
from auditor.network.gateway_pools import Layer
from auditor.network.waf_policy import Protection

FirewallSource: TypeAlias = Literal["path", "listener", "global", "legacy", "none"]
_PARTS: Final = ("properties.policySettings", "properties.managedRules", "properties.customRules")


class WebFirewall(Struct, frozen=True):
    """The firewall that decides for a listener or path, and where it is bound.

    `protection` is None where there is no firewall, or where `gap` says why it is not known.
    """

    path: str
    policy: str | None
    source: FirewallSource
    protection: Protection | None = None
    gap: Gap | None = None
    inputs: Sequence[tuple[str, str]] = ()

    @property
    def state(self) -> str | None:
        """Return whether it is `Enabled` or `Disabled`."""
        return None if self.protection is None else self.protection.state

    @property
    def mode(self) -> str | None:
        """Return whether it only detects attacks or prevents them."""
        return None if self.protection is None else self.protection.mode

    @property
    def body_check(self) -> bool | None:
        """Return whether it looks at bodies."""
        return None if self.protection is None else self.protection.body_check

    @property
    def prevents(self) -> bool | None:
        """Whether attacks are blocked: enabled, in prevention mode, and stopping what it looks for. None where not known."""
        if self.gap is not None:
            return None
        return self.protection is not None and self.protection.prevents and not self.protection.is_hollow


def of_listener(context: Context, gateway: Resource, layer: Layer, listener: tuple[str, object]) -> WebFirewall:
    """Return the firewall of a listener: its own policy, else the gateway's, else the configuration of old.

    Connections of TCP and TLS pass a gateway of any tier without being looked at.
    """
    path, entry = listener
    if layer is gateway_pools.CONNECTIONS:
        return WebFirewall("", None, "none", inputs=[(gateway.id, f"{path}.properties.protocol")])
    own = body.sub_resource(entry, "properties.firewallPolicy")
    if own is not None:
        return _by_policy(context, own, "listener", "", (gateway.id, f"{path}.properties.firewallPolicy"))
    shared = body.sub_resource(gateway.body, "properties.firewallPolicy")
    if shared is not None:
        return _by_policy(context, shared, "global", "", (gateway.id, "properties.firewallPolicy"))
    return _legacy(gateway)


def of_path(context: Context, gateway: Resource, place: str, rule: object) -> WebFirewall | None:
    """Return the firewall of a path rule, or None where that of the listener decides."""
    policy = body.sub_resource(rule, "properties.firewallPolicy")
    if policy is None:
        return None
    name = body.text(rule, "name") or place.rpartition(".")[2]
    return _by_policy(context, policy, "path", name, (gateway.id, f"{place}.properties.firewallPolicy"))


def path_rules(gateway: Resource, maps: Sequence[str]) -> Iterator[tuple[str, object]]:
    """Yield each path rule, behind its own path, in the URL path maps of these keys."""
    for place, entry in body.enumerate_objects(gateway.body, "properties.urlPathMaps"):
        if ids.key(body.text(entry, "id") or f"{gateway.id}/urlPathMaps/{body.text(entry, 'name') or ''}") in maps:
            for inner, rule in body.enumerate_objects(entry, "properties.pathRules"):
                yield f"{place}.{inner}", rule


def of_paths(context: Context, gateway: Resource, maps: Sequence[str]) -> Iterator[WebFirewall]:
    """Yield the firewall of each path rule, in the URL path maps of these keys, that has a policy of its own."""
    for place, rule in path_rules(gateway, maps):
        firewall = of_path(context, gateway, place, rule)
        if firewall is not None:
            yield firewall


def part_gap(context: Context, policy: Resource) -> Gap | None:
    """Return why not all of a policy was read, or None where it was."""
    return next((gap for part in _PARTS if (gap := context.estate.gap_at(policy.key, part)) is not None), None)


def _by_policy(context: Context, key: str, source: FirewallSource, path: str, where: tuple[str, str]) -> WebFirewall:
    policy = context.estate.get(key)
    if policy is None:
        gap = Gap(key, "properties.policySettings", "the firewall policy was not collected")
        return WebFirewall(path, key, source, gap=gap, inputs=[where])
    inputs = [where, *((policy.id, part) for part in _PARTS)]
    protection = waf_policy.protection(policy.body)
    return WebFirewall(path, policy.id, source, protection, part_gap(context, policy), inputs)


def _legacy(gateway: Resource) -> WebFirewall:
    path = "properties.webApplicationFirewallConfiguration"
    entry = body.value(gateway.body, path)
    if entry is None:
        return WebFirewall("", None, "none", inputs=[(gateway.id, "properties.firewallPolicy")])
    is_stated = body.flag(entry, "enabled") is not None
    return WebFirewall(
        path="",
        policy=None,
        source="legacy",
        protection=waf_policy.protection(waf_policy.of_legacy(entry)) if is_stated else None,
        gap=None if is_stated else Gap(gateway.id, f"{path}.enabled", "the gateway does not state it"),
        inputs=[(gateway.id, path)],
    )
