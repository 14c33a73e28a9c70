"""Read the state of the certificate that a reference into a vault means: its secret, version, switch and expiry.

https://learn.microsoft.com/azure/application-gateway/key-vault-certs
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure import body
from auditor.estate.graph import Estate
from auditor.model import Gap, Resource

_ATTRIBUTES: Final = "properties.attributes"
_CERTIFICATE: Final = "certificates"


class VaultCertificate(Struct, frozen=True):
    """What a reference means; `gap` is why the state of it is not known.

    `is_missing`: the vault is known and has no such secret. `version` is the one named, None where the latest counts.
    `renews`: whether the vault's own policy renews it, None where the input does not show that policy.
    """

    host: str
    name: str
    version: str | None
    vault: str | None = None
    secret: Resource | None = None
    is_missing: bool = False
    enabled: bool | None = None
    starts: datetime | None = None
    expires: datetime | None = None
    renews: bool | None = None
    gap: Gap | None = None

    def is_usable(self, now: datetime) -> bool | None:
        """Whether it can be served at a time: it exists, is switched on, and is not outside its dates."""
        if self.is_missing or self.enabled is False:
            return False
        if self.gap is not None:
            return None
        return not (
            (self.expires is not None and self.expires <= now) or (self.starts is not None and self.starts > now)
        )


def certificate_at(estate: Estate, reader: Resource, address: str) -> VaultCertificate | None:
    """Return what a URI in a vault means for a resource that reads it, or None where it names no secret.

    A certificate is the secret of its name: `https://kv.vault.azure.net/secrets/web/0123…`.
    """
    host, words = body.host_of(address), address.partition("://")[2].split("/")
    if len(words) < 3 or words[1].lower() not in {"secrets", _CERTIFICATE} or not words[2]:
        return None
    name, version = words[2], (words[3] if len(words) > 3 and words[3] else None)
    plain = VaultCertificate(host, name, version)
    keys = [key for key in estate.targets(reader.key, "reads-secret") if ids.name_of(key) == name.lower()]
    key = next((key for key in keys if ids.name_of(_vault_of(key)) == host.partition(".")[0]), None)
    if key is None:
        return VaultCertificate(
            host, name, version, gap=Gap(reader.id, "related:keyVault", f"the vault {host} was not read")
        )
    secret = estate.get(key)
    if secret is None:
        gap = estate.unseen(key)
        return VaultCertificate(host, name, version, _vault_of(key), is_missing=gap is None, gap=gap)
    return _of_secret(estate, secret, plain)


def _vault_of(secret: str) -> str:
    return ids.parent_of(secret) or ""


def _of_secret(estate: Estate, secret: Resource, plain: VaultCertificate) -> VaultCertificate:
    latest = (body.text(secret.properties, "secretUriWithVersion") or "").rstrip("/").rpartition("/")[2].lower()
    gap = estate.gap_at(secret.key, _ATTRIBUTES)
    if gap is None and plain.version is not None and plain.version.lower() != latest:
        gap = Gap(secret.id, _ATTRIBUTES, f"the state of version {plain.version} is not shown, only that of the latest")
    attributes = None if gap is not None else body.value(secret.body, _ATTRIBUTES)
    return VaultCertificate(
        host=plain.host,
        name=plain.name,
        version=plain.version,
        vault=_vault_of(secret.key),
        secret=secret,
        enabled=None if gap is not None else body.flag(attributes, "enabled") is not False,
        starts=body.moment(attributes, "nbf"),
        expires=body.moment(attributes, "exp"),
        renews=_renews(estate, secret, plain),
        gap=gap,
    )


def _renews(estate: Estate, secret: Resource, plain: VaultCertificate) -> bool | None:
    """Return whether the certificate's policy renews it, where the input shows the certificate beside its secret."""
    shown = estate.get(f"{_vault_of(secret.key)}/{_CERTIFICATE}/{plain.name}")
    if shown is None:
        return None
    actions = (
        *body.objects(shown.properties, "policy.lifetimeActions"),
        *body.objects(shown.properties, "policy.lifetime_actions"),
    )
    kinds = [body.text(one, "action.actionType") or body.text(one, "action.action_type") for one in actions]
    return any(body.same_text(kind, "AutoRenew") for kind in kinds)
