"""Tell the state of the certificate that each HTTPS listener of an Application Gateway serves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Hidden, Known, fact
from auditor.analysis.gateway.part import is_encrypted, listener_name, part_name
from auditor.azure import body
from auditor.keys import certificates
from auditor.keys.certificates import VaultCertificate
from auditor.model import Gap, Resource
from auditor.network import gateway_pools
from auditor.network.gateway_pools import part_key
from auditor.rbac.access_graph import AccessGraph, read_access_graph
from auditor.rbac.access_policies import READ_SECRET
from auditor.rbac.permissions import Plane
from auditor.truth import Truth, any_of

_DAY: Final = 86400


@fact("gateway.certificate", subject="the secret that the certificate is, or the Application Gateway")
class ListenerCertificate(Fact, frozen=True, kw_only=True):
    """The certificate that listeners of a gateway serve, as it is in effect."""

    certificate: str
    """what the gateway calls it"""
    listeners: tuple[str, ...]
    """the listeners for HTTPS and TLS that serve it"""
    source: Literal["vault", "uploaded", "none"]
    """`vault`: a reference into one; `uploaded`: it lies in the gateway; `none`: the listener has no certificate"""
    secret_id: str | None
    """the secret; absent where it is not in the input"""
    versioned: bool
    """whether the reference names a version, so that a newer one is not served"""
    missing: bool
    """whether the vault is known and has no such secret"""
    enabled: Known[bool]
    """whether the secret is switched on"""
    expires: Known[str]
    """when it expires, in UTC"""
    days_left: Known[float]
    """how many days are left until then; below 0 where it has expired"""
    renews: Known[bool]
    """whether the vault renews it and the gateway takes the new version"""
    usable: Known[bool]
    """whether it can be served now: it exists, is switched on, and is within its dates"""
    readable: Known[bool | None]
    """whether an identity of the gateway may read the secret; absent where there is none"""
    client_certificates: tuple[str, ...]
    """the certificates by which those listeners check their clients"""
    trusted_roots: tuple[str, ...]
    """the root certificates by which the gateway checks its backends"""
    gateway: Hidden[str]

    def sentence(self) -> str:
        """Say which listeners serve the certificate, and what is wrong with it."""
        whose = f"The certificate {self.certificate} of {self.gateway} ({facts.listed(self.listeners, 3)})"
        if self.source == "none":
            return f"The listeners {facts.listed(self.listeners, 3)} of {self.gateway} have no certificate."
        if self.source == "uploaded":
            return f"{whose} was uploaded, so that its expiry is not shown and nothing renews it."
        faults = ["is not in the vault"] if self.missing else []
        faults += ["is disabled in the vault"] if self.enabled is False else []
        faults += ["may not be read by an identity of the gateway"] if self.readable is False else []
        faults += ["is tied to one version"] if self.versioned else []
        return f"{whose} {facts.listed([*faults, self._expiry()])}."

    def _expiry(self) -> str:
        if isinstance(self.days_left, Gap) or isinstance(self.expires, Gap):
            return "expires at a time that is not known"
        day, left = self.expires.partition("T")[0], int(self.days_left)
        return f"expired on {day}" if self.days_left <= 0 else f"expires on {day}, in {left} days"


class _Served(Struct, frozen=True):
    """A certificate of a gateway with the listeners, by name, that serve it; without a key for listeners that have none."""

    place: str
    entry: object
    listeners: Sequence[tuple[str, object]]


def certificate_facts(context: Context, gateways: Sequence[Resource]) -> Iterator[ListenerCertificate]:
    """Yield a fact per certificate that a listener of a gateway serves."""
    graph = context.estate.once(read_access_graph) if gateways else None
    seen: set[str] = set()
    for gateway in gateways:
        for served in _served(gateway):
            if graph is not None:
                yield _fact(context, graph, gateway, served, seen)


def _served(gateway: Resource) -> Iterator[_Served]:
    users: Mapping[str, list[tuple[str, object]]] = defaultdict(list)
    for layer, place, listener in gateway_pools.listeners(gateway):
        if is_encrypted(listener):
            name = listener_name(gateway, layer, place, listener)
            users[body.sub_resource(listener, "properties.sslCertificate") or ""].append((name, listener))
    known: set[str] = set()
    for place, entry in body.enumerate_objects(gateway.body, "properties.sslCertificates"):
        key = part_key(gateway, "sslCertificates", entry)
        known.add(key)
        if users.get(key):
            yield _Served(place, entry, users[key])
    without = [user for key, found in users.items() if key not in known for user in found]
    if without:
        yield _Served("properties.sslCertificates", None, without)


def _fact(
    context: Context, graph: AccessGraph, gateway: Resource, served: _Served, seen: set[str]
) -> ListenerCertificate:
    address = body.text(served.entry, "properties.keyVaultSecretId")
    found = certificates.certificate_at(context.estate, gateway, address) if address else None
    unread = context.estate.gap_at(gateway.key, "properties.sslCertificates")
    odd = Gap(gateway.id, served.place, "what it refers to cannot be read") if address and found is None else None
    name = part_name(served.place, served.entry) if served.entry is not None else "none"
    secret = found.secret if found is not None else None
    subject = secret.id if secret is not None else gateway.id
    sub_object = "" if subject != gateway.id and ids.key(subject) not in seen else f"{gateway.name}/{name}"
    seen.add(ids.key(subject))
    where = f"{served.place}.properties.keyVaultSecretId" if served.entry is not None else served.place
    inputs = [(gateway.id, where), *([(secret.id, "properties.attributes")] if secret is not None else [])]
    state = unread or odd or _state_gap(gateway, served, found)
    return ListenerCertificate(
        about=facts.about(context, subject, sub_object=sub_object, inputs=inputs),
        certificate=name,
        listeners=tuple(name for name, _ in served.listeners),
        source="vault" if address else "uploaded" if served.entry is not None else "none",
        secret_id=secret.id if secret is not None else None,
        versioned=found is not None and found.version is not None,
        missing=found is not None and found.is_missing,
        enabled=state or (found is not None and found.enabled is not False and not found.is_missing),
        expires=state or _expires(gateway, found),
        days_left=state or _days_left(context, gateway, found),
        renews=unread or odd or _renews(gateway, found),
        usable=_usable(context, found, state),
        readable=unread or odd or _readable(context, graph, gateway, found),
        client_certificates=_client_certificates(gateway, served),
        trusted_roots=tuple(
            part_name(place, entry)
            for place, entry in body.enumerate_objects(gateway.body, "properties.trustedRootCertificates")
        ),
        gateway=gateway.name,
    )


def _state_gap(gateway: Resource, served: _Served, found: VaultCertificate | None) -> Gap | None:
    """Return why a certificate's state is not known: what was uploaded shows none, and a vault may not have been read."""
    if found is None:
        return Gap(gateway.id, served.place, "of an uploaded certificate Azure shows no state")
    return None if found.is_missing else found.gap


def _expires(gateway: Resource, found: VaultCertificate | None) -> Known[str]:
    if found is None or found.expires is None:
        where = found.secret.id if found is not None and found.secret is not None else gateway.id
        return Gap(where, "properties.attributes.exp", "the vault shows no time of expiry")
    return found.expires.isoformat()


def _days_left(context: Context, gateway: Resource, found: VaultCertificate | None) -> Known[float]:
    expires = _expires(gateway, found)
    if isinstance(expires, Gap) or found is None or found.expires is None:
        return expires if isinstance(expires, Gap) else 0.0
    return (found.expires - context.now).total_seconds() / _DAY


def _renews(gateway: Resource, found: VaultCertificate | None) -> Known[bool]:
    if found is None or found.version is not None:
        return False
    if found.renews is None:
        return Gap(gateway.id, "related:certificatePolicy", "Azure Resource Manager does not show the vault's policy")
    return found.renews


def _usable(context: Context, found: VaultCertificate | None, gap: Gap | None) -> Known[bool]:
    usable = found.is_usable(context.now) if found is not None else None
    return usable if usable is not None else gap or False


def _readable(
    context: Context, graph: AccessGraph, gateway: Resource, found: VaultCertificate | None
) -> Known[bool | None]:
    """Return whether an identity of the gateway may read the secret, by role or by the vault's own policies."""
    if found is None or found.is_missing:
        return None
    vault = context.estate.get(found.vault) if found.vault else None
    if vault is None:
        return found.gap or Gap(gateway.id, "related:keyVault", f"the vault {found.host} was not read")
    principals = _principals(gateway)
    if body.flag(vault.properties, "enableRbacAuthorization") is not True:
        return _by_policies(context, vault, principals)
    scope = f"{found.vault}/secrets/{found.name.lower()}"
    answers = tuple(graph.grants.may(principal, Plane.DATA, READ_SECRET, scope) for principal in principals)
    truth = any_of(answers) if answers else Truth.NO
    gap = graph.assignment_gap(scope) or graph.deny_gap()
    if truth is Truth.YES:
        return True
    if truth is Truth.UNKNOWN or gap is not None:
        return gap or Gap(scope, "related:roleAssignment", "a condition or a role that was not read decides")
    return False


def _by_policies(context: Context, vault: Resource, principals: Sequence[str]) -> Known[bool]:
    """Return whether one of some principals may read secrets by the policies of a vault that is not known to use roles."""
    if unread := context.estate.gap_at(vault.key, "properties.enableRbacAuthorization"):
        return unread
    has_policy = any(_has_policy(vault, principal) for principal in principals)
    return has_policy or context.estate.gap_at(vault.key, "properties.accessPolicies") or False


def _principals(gateway: Resource) -> Sequence[str]:
    assigned = body.value(gateway.body, "identity.userAssignedIdentities")
    details = assigned.values() if isinstance(assigned, Mapping) else ()
    found = [body.text(gateway.body, "identity.principalId"), *(body.text(one, "principalId") for one in details)]
    return [principal.lower() for principal in found if principal]


def _has_policy(vault: Resource, principal: str) -> bool:
    return any(
        body.same_text(body.text(policy, "objectId"), principal)
        and {"get", "all"} & {text.lower() for text in body.texts(policy, "permissions.secrets")}
        for policy in body.objects(vault.properties, "accessPolicies")
    )


def _client_certificates(gateway: Resource, served: _Served) -> tuple[str, ...]:
    profiles = {body.sub_resource(listener, "properties.sslProfile") for _, listener in served.listeners}
    return tuple(
        ids.name_of(key)
        for entry in body.objects(gateway.body, "properties.sslProfiles")
        if part_key(gateway, "sslProfiles", entry) in profiles
        for key in body.references(entry, "properties.trustedClientCertificates")
    )
