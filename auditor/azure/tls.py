"""Tell which TLS versions and cipher suites an Application Gateway's TLS policy lets in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from auditor.azure import body
from auditor.model import Gap, Resource

# https://learn.microsoft.com/azure/application-gateway/application-gateway-ssl-policy-overview
PREDEFINED: Final[Mapping[str, str]] = {
    "appgwsslpolicy20150501": "1.0",
    "appgwsslpolicy20170401": "1.1",
    "appgwsslpolicy20170401s": "1.2",
    "appgwsslpolicy20220101": "1.2",
    "appgwsslpolicy20220101s": "1.2",
}
_VERSIONS: Final[Mapping[str, str]] = {"tlsv1_0": "1.0", "tlsv1_1": "1.1", "tlsv1_2": "1.2", "tlsv1_3": "1.3"}


_SPELLED: Final = re.compile(r"(?:tls[_v]{0,2})?1[._]([0-3])", re.IGNORECASE)

PolicySource: TypeAlias = Literal["custom", "predefined", "default"]


class TlsPolicy(Struct, frozen=True):
    """The least version (`1.2`) that a policy lets in, or why it is not known, and where that is said."""

    minimum: str | Gap
    source: PolicySource
    name: str | None
    weak_ciphers: tuple[str, ...]
    path: str


def read(gateway: Resource, owner: object, path: str) -> TlsPolicy:
    """Read the policy at a path; where there is none the gateway's default decides, which newer APIs show."""
    policy = body.value(owner, "sslPolicy")
    kind = (body.text(policy, "policyType") or "").lower()
    named = body.text(policy, "policyName")
    place = f"{path}.sslPolicy"
    if kind.startswith("custom") or (policy is not None and named is None):
        at = f"{place}.minProtocolVersion"
        stated = body.text(policy, "minProtocolVersion")
        known = _VERSIONS.get((stated or "").lower()) or _left(body.texts(policy, "disabledSslProtocols"))
        oldest = known or Gap(gateway.id, at, "the policy does not state it")
        weak = tuple(suite for suite in body.text_or_texts(policy, "cipherSuites") if _is_weak(suite))
        return TlsPolicy(oldest, "custom", None, weak, at)
    name = named or body.text(gateway.body, "properties.defaultPredefinedSslPolicy")
    at = f"{place}.policyName" if named else "properties.defaultPredefinedSslPolicy"
    reason = f"the policy {name} is not known to this release" if name else "the default depends on the gateway's age"
    oldest = PREDEFINED.get((name or "").lower()) or Gap(gateway.id, at, reason)
    return TlsPolicy(oldest, "predefined" if named else "default", name, (), at)


def _left(disabled: Sequence[str]) -> str | None:
    """Return the oldest version that is left by a policy of old, which names the ones that it turns off; None without one."""
    off = {text.lower() for text in disabled}
    return next((version for name, version in _VERSIONS.items() if name not in off), None) if off else None


def version_rank(text: str) -> int | None:
    """Return the place of a version of TLS among the others, however a service spells it (`TLS1_2`, `1.2`, `TLSv1_2`)."""
    version = _SPELLED.fullmatch(text)
    return int(version[1]) if version else None


def _is_weak(suite: str) -> bool:
    """Whether a cipher suite lacks forward secrecy or uses CBC; those of TLS 1.3 never do."""
    name = suite.upper()
    if name.startswith(("TLS_AES_", "TLS_CHACHA20_")):
        return False
    return "_CBC_" in name or "ECDHE" not in name
