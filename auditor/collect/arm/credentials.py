"""Sign in through azure-identity and say who answered."""

from __future__ import annotations

import base64
import binascii
import os
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Self
from urllib.parse import quote

import azure.identity as az
import orjson
import requests
from azure.core.credentials import AccessToken, AccessTokenInfo, SupportsTokenInfo, TokenRequestOptions
from azure.core.exceptions import AzureError, ClientAuthenticationError
from msgspec import Struct

from auditor.collect.arm.clouds import Cloud, is_loopback
from auditor.collect.arm.refusals import Refused
from auditor.collect.arm.transport import proxy_in_clear, session_for
from auditor.collect.options import Auth
from auditor.errors import CollectionError

_EARLY: Final = 300
"""Seconds before its end at which a token is renewed; a call may be in flight that long."""

_ASSERTION_BYTES: Final = 1 << 20
_METADATA_SERVICE: Final = "http://169.254.169.254"
"""Where a virtual machine gets the tokens of its managed identity, without TLS."""

# What azure-identity's ChainedTokenCredential raises names its members in no other way than in this text.
_CHAIN_LISTS: Final = "\nAttempted credentials:"
_CHAIN_MEMBER: Final = re.compile(r"\n\t(\w+Credential)(?:: |(?=\n|$))")
_CHAIN_ENDS: Final = "\nTo mitigate this issue,"
_GUIDE: Final = re.compile(
    r"(Visit \S+ to troubleshoot this issue|See the troubleshooting guide for more information: \S+?)\.(?=\s|$)"
)
_REASON_LENGTH: Final = 400

_OIDC_AUDIENCE: Final = "api://AzureADTokenExchange"


class SignedInIdentity(Struct, frozen=True):
    """Who reads Azure: the credential that answered and what the token says of tenant and object."""

    credential: str
    tenant_id: str | None
    object_id: str | None
    application_id: str | None = None
    name: str | None = None

    def __str__(self) -> str:
        who = self.name or self.application_id or "unnamed"
        return f"{who} (object {self.object_id}, tenant {self.tenant_id}, by {self.credential})"


class TokenCache:
    """Holds one token per scope in front of a credential.

    `AzureCliCredential` starts a process for each token and keeps none; with many threads that must happen once.
    """

    def __init__(self, create: Callable[[], SupportsTokenInfo]) -> None:
        self._create = create
        self._inner = create()
        self._tokens: dict[tuple[str, ...], AccessTokenInfo] = {}
        self._lock = threading.Lock()

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """Return a token that will still hold for a while."""
        claims = options.get("claims") if options else None
        with self._lock:
            kept = self._tokens.get(scopes)
            if claims or kept is None or kept.expires_on - time.time() < _EARLY:
                kept = self._inner.get_token_info(*scopes, options=options or {})
                self._tokens[scopes] = kept
            return kept

    def get_token(self, *scopes: str, claims: str | None = None, **_: object) -> AccessToken:
        """Return a token in the older shape, for clients that ask so."""
        found = self.get_token_info(*scopes, options={"claims": claims} if claims else None)
        return AccessToken(found.token, found.expires_on)

    def close(self) -> None:
        """Release what the credential holds."""
        self._inner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def forget(self, refused: str) -> None:
        """Ask for a fresh token next time, if a refused one is still the one that is kept.

        The credentials keep tokens of their own, which go with the credential.
        """
        with self._lock:
            if any(kept.token == refused for kept in self._tokens.values()):
                self._tokens.clear()
                self._inner.close()
                self._inner = self._create()

    @property
    def answered_by(self) -> str:
        """Return the class of the credential that gave the token; a chain is asked which of its members it was."""
        # azure-identity keeps the member that answered only in this attribute.
        found = getattr(self._inner, "_successful_credential", None)
        return type(found or self._inner).__name__


def open_credential(auth: Auth, cloud: Cloud, tenant: str | None) -> TokenCache:
    """Return the credential for a way to sign in; nothing is asked of it yet."""
    try:
        return TokenCache(lambda: _create(auth, cloud, tenant))
    except (ValueError, AzureError) as error:
        raise CollectionError(f"Sign-in by {auth.value} is not set up: {error}", _HINTS[auth]) from error


def _create(  # noqa: PLR0911 - one way to sign in per line of the table
    auth: Auth, cloud: Cloud, tenant: str | None
) -> SupportsTokenInfo:
    authority, private = cloud.authority, cloud.is_private
    environment = os.environ
    match auth:
        case Auth.CLI:
            return az.AzureCliCredential(tenant_id=tenant or "", process_timeout=60)
        case Auth.ENVIRONMENT:
            return az.EnvironmentCredential(authority=authority, disable_instance_discovery=private)
        case Auth.WORKLOAD:
            return az.WorkloadIdentityCredential(
                tenant_id=tenant or environment.get("AZURE_TENANT_ID"),
                authority=authority,
                disable_instance_discovery=private,
            )
        case Auth.MANAGED_IDENTITY:
            if proxy := proxy_in_clear(_identity_endpoint()):
                raise ValueError(f"the proxy {proxy} would see its token in clear text")
            return az.ManagedIdentityCredential(client_id=environment.get("AZURE_CLIENT_ID"))
        case Auth.GITHUB:
            return az.ClientAssertionCredential(
                tenant_id=tenant or _needed("AZURE_TENANT_ID"),
                client_id=_needed("AZURE_CLIENT_ID"),
                func=_github_assertion,
                authority=authority,
                disable_instance_discovery=private,
            )
        case Auth.AZURE_PIPELINES:
            return az.AzurePipelinesCredential(
                tenant_id=tenant or _needed("AZURESUBSCRIPTION_TENANT_ID", "AZURE_TENANT_ID"),
                client_id=_needed("AZURESUBSCRIPTION_CLIENT_ID", "AZURE_CLIENT_ID"),
                service_connection_id=_needed("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"),
                system_access_token=_needed("SYSTEM_ACCESSTOKEN"),
                authority=authority,
                disable_instance_discovery=private,
            )
        case Auth.AUTO:
            # Said only where it must be: False would overrule AZURE_TOKEN_CREDENTIALS.
            is_seen = proxy_in_clear(_identity_endpoint()) is not None
            left_out = {"exclude_managed_identity_credential": True} if is_seen else {}
            return az.DefaultAzureCredential(authority=authority, process_timeout=60, **left_out)


_HINTS: Final[Mapping[Auth, str]] = {
    Auth.AUTO: "run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and a federated token or secret",
    Auth.CLI: "run `az login`, with `--tenant` where you work in several",
    Auth.ENVIRONMENT: "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH",
    Auth.WORKLOAD: "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE, as the webhook does",
    Auth.MANAGED_IDENTITY: "run where a managed identity is assigned; set AZURE_CLIENT_ID for a user-assigned one, and "
    "NO_PROXY for 169.254.169.254",
    Auth.GITHUB: "give the job `permissions: id-token: write` and set AZURE_TENANT_ID and AZURE_CLIENT_ID",
    Auth.AZURE_PIPELINES: "use an AzureCLI@2 task and pass SYSTEM_ACCESSTOKEN: $(System.AccessToken)",
}


def _identity_endpoint() -> str:
    """Return where the token of a managed identity would come from."""
    return os.environ.get("IDENTITY_ENDPOINT") or os.environ.get("MSI_ENDPOINT") or _METADATA_SERVICE


def _needed(*names: str) -> str:
    for name in names:
        if value := os.environ.get(name):
            return value
    raise ValueError(f"the environment has no {' or '.join(names)}")


def _github_assertion() -> str:
    """Fetch a fresh assertion; the one that a job starts with lives for minutes only, a scan may take longer."""
    url, bearer = _needed("ACTIONS_ID_TOKEN_REQUEST_URL"), _needed("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not url.startswith("https://") and not is_loopback(url):
        raise ClientAuthenticationError("ACTIONS_ID_TOKEN_REQUEST_URL is not https")
    separator = "&" if "?" in url else "?"
    try:
        with session_for(url, seconds=30, most_bytes=_ASSERTION_BYTES) as session:
            answer = session.get(
                f"{url}{separator}audience={quote(_OIDC_AUDIENCE, safe='')}",
                headers={"Authorization": f"Bearer {bearer}", "Accept": "application/json"},
                timeout=30,
                allow_redirects=False,
            )
        document = orjson.loads(answer.content)
    except (requests.RequestException, Refused, orjson.JSONDecodeError) as error:
        raise ClientAuthenticationError(f"GitHub gave no identity token: {error}") from error
    value = document.get("value") if isinstance(document, dict) else None
    if not isinstance(value, str):
        raise ClientAuthenticationError("GitHub's answer holds no identity token")
    return value


def sign_in(credential: TokenCache, scope: str, auth: Auth) -> SignedInIdentity:
    """Ask for the first token and return who it names; raise a one-line error with what to do where that fails."""
    try:
        token = credential.get_token_info(scope).token
    except (AzureError, ValueError) as error:
        attempts = failed_attempts(str(error))
        reason = f"none of {len(attempts)} ways gave a token" if attempts else _first_reason(str(error))
        raise CollectionError(f"Sign-in by {auth.value} failed: {reason}", _HINTS[auth], attempts) from error
    claims = claims_of(token)
    return SignedInIdentity(
        credential=credential.answered_by,
        tenant_id=_text(claims.get("tid")),
        object_id=_text(claims.get("oid")),
        application_id=_text(claims.get("appid")) or _text(claims.get("azp")),
        name=_text(claims.get("upn")) or _text(claims.get("unique_name")) or _text(claims.get("app_displayname")),
    )


def claims_of(token: str) -> Mapping[str, object]:
    """Return the claims of a token without verifying it (Azure does); an opaque token has none."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def failed_attempts(message: str) -> Sequence[str]:
    """Return which members of a chain were asked and why each gave no token, a line each; none if it is no chain's."""
    _, heading, listing = message.partition(_CHAIN_LISTS)
    parts = _CHAIN_MEMBER.split(listing.partition(_CHAIN_ENDS)[0]) if heading else []
    return [f"{name}: {_member_reason(name, text)}" for name, text in zip(parts[1::2], parts[2::2], strict=True)]


def _member_reason(name: str, text: str) -> str:
    plain = " ".join(_GUIDE.sub("", text).split()).removeprefix(f"{name} authentication unavailable.").strip()
    return plain[:_REASON_LENGTH] or "unavailable"


def _first_reason(message: str) -> str:
    lines = [line.strip(" \t-*") for line in message.splitlines() if line.strip()]
    return (lines[0] if lines else "no reason given")[:_REASON_LENGTH]
