"""Tell which web application firewall stands in front of each listener and path of an Application Gateway."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from auditor import resource_id as ids
from auditor.analysis.contract import Context
from auditor.azure import body
from auditor.model import Gap, Resource

FirewallSource: TypeAlias = Literal["path", "listener", "global", "legacy", "none"]


@dataclass(frozen=True, slots=True)
class WebFirewall:
    """The firewall that decides for a listener or path, and where it is bound.

    State, mode and body check are None where there is no firewall, or where `gap` says why they are not known.
    """

    path: str
    policy: str | None
    source: FirewallSource
    state: str | None = None
    mode: str | None = None
    body_check: bool | None = None
    gap: Gap | None = None
    inputs: Sequence[tuple[str, str]] = ()

    @property
    def prevents(self) -> bool | None:
        """Whether attacks are blocked: enabled and in prevention mode. None where not known."""
        if self.gap is not None:
            return None
        return body.same_text(self.state, "Enabled") and body.same_text(self.mode, "Prevention")


def of_listener(context: Context, gateway: Resource, listener: tuple[str, object]) -> WebFirewall:
    """Return the firewall of a listener: its own policy, else the gateway's, else the configuration of old."""
    path, entry = listener
    own = body.sub_resource(entry, "properties.firewallPolicy")
    if own is not None:
        return _by_policy(context, own, "listener", "", (gateway.id, f"{path}.properties.firewallPolicy"))
    shared = body.sub_resource(gateway.body, "properties.firewallPolicy")
    if shared is not None:
        return _by_policy(context, shared, "global", "", (gateway.id, "properties.firewallPolicy"))
    return _legacy(gateway)


def of_paths(context: Context, gateway: Resource, maps: Sequence[str]) -> Iterator[WebFirewall]:
    """Yield the firewall of each path rule, in the URL path maps of these keys, that has a policy of its own."""
    for place, entry in body.enumerate_objects(gateway.body, "properties.urlPathMaps"):
        if ids.key(body.text(entry, "id") or f"{gateway.id}/urlPathMaps/{body.text(entry, 'name') or ''}") not in maps:
            continue
        for inner, rule in body.enumerate_objects(entry, "properties.pathRules"):
            policy = body.sub_resource(rule, "properties.firewallPolicy")
            if policy is not None:
                name = body.text(rule, "name") or inner
                where = (gateway.id, f"{place}.{inner}.properties.firewallPolicy")
                yield _by_policy(context, policy, "path", name, where)


def _by_policy(context: Context, key: str, source: FirewallSource, path: str, where: tuple[str, str]) -> WebFirewall:
    policy = context.estate.get(key)
    if policy is None:
        gap = Gap(key, "properties.policySettings", "the firewall policy was not collected")
        return WebFirewall(path, key, source, gap=gap, inputs=[where])
    settings = "properties.policySettings"
    body_check = body.flag(policy.body, f"{settings}.requestBodyCheck")
    return WebFirewall(
        path=path,
        policy=policy.id,
        source=source,
        state=body.text(policy.body, f"{settings}.state") or "Enabled",
        mode=body.text(policy.body, f"{settings}.mode") or "Detection",
        body_check=True if body_check is None else body_check,
        inputs=[where, (policy.id, settings)],
    )


def _legacy(gateway: Resource) -> WebFirewall:
    path = "properties.webApplicationFirewallConfiguration"
    entry = body.value(gateway.body, path)
    if entry is None:
        return WebFirewall("", None, "none", inputs=[(gateway.id, "properties.firewallPolicy")])
    enabled = body.flag(entry, "enabled")
    body_check = body.flag(entry, "requestBodyCheck")
    return WebFirewall(
        path="",
        policy=None,
        source="legacy",
        state=None if enabled is None else "Enabled" if enabled else "Disabled",
        mode=body.text(entry, "firewallMode") or "Detection",
        body_check=True if body_check is None else body_check,
        gap=Gap(gateway.id, f"{path}.enabled", "the gateway does not state it") if enabled is None else None,
        inputs=[(gateway.id, path)],
    )
