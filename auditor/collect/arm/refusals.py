"""Read what Azure says when it does not answer a call, and sort it into what that means for the collection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct


class Kind(StrEnum):
    """What a refusal means."""

    DENIED = "forbidden"
    NOT_FOUND = "not found"
    UNREGISTERED = "provider not registered"
    UNKNOWN_VERSION = "API version not known"
    NOT_LICENSED = "not licensed"
    NO_TABLE = "table not in this cloud"
    TOO_LARGE = "answer too large"
    SIGNED_OUT = "sign-in not accepted"
    BAD_REQUEST = "request not understood"
    THROTTLED = "throttled"
    FAILED = "failed"
    CUT = "cut"
    SPENT = "budget spent"
    UNTRUSTED = "not believed"
    UNREACHABLE = "not reachable"


class Refusal(Struct, frozen=True):
    """A call that did not yield its data: what Azure said, and the action and scope that it named, if it did."""

    kind: Kind
    status: int = 0
    code: str = ""
    message: str = ""
    action: str | None = None
    scope: str | None = None
    request_id: str | None = None
    attempts: int = 1


class Refused(Exception):  # noqa: N818 - a normal answer that the collection turns into a gap
    """Azure did not yield the data of a call."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.status} {refusal.code}: {refusal.message}")
        self.refusal = refusal


_ACTION: Final = re.compile(r"perform actions? '([^']+)'")
_SCOPE: Final = re.compile(r"over scope '([^']+)'")
_VERSIONS: Final = re.compile(r"(?i)supported (?:api-)?versions? (?:are|is)[^']*'([^']+)'")

_VERSION_CODES: Final = frozenset(
    {
        "invalidapiversionparameter",
        "noregisteredproviderfound",
        "invalidresourcetype",
        "unsupportedapiversion",
        "apiversionnotsupported",
    }
)
_SIGN_IN_CODES: Final = frozenset(
    {
        "expiredauthenticationtoken",
        "invalidauthenticationtoken",
        "authenticationfailed",
        "authenticationfailedinvalidheader",
    }
)
_NOT_LICENSED_CODES: Final = frozenset({"aadpremiumlicenserequired"})
_UNREGISTERED_CODES: Final = frozenset({"missingsubscriptionregistration", "subscriptionnotregistered"})
_DENIED_CODES: Final = frozenset(
    {
        "authorizationfailed",
        "invalidauthenticationtokentenant",
        "linkedauthorizationfailed",
        "subscriptionnotfound",
        "accessdenied",
        "forbidden",
        "requestdisallowedbypolicy",
        "readonlydisabledsubscription",
    }
)
RETRYABLE_CONFLICTS: Final = frozenset(
    {
        "anotheroperationinprogress",
        "conflict",
        "retryableerror",
        "retryableerrorduetoanotheroperation",
        "referencedresourcenotprovisioned",
    }
)


def error_of(body: object) -> tuple[str, str, list[str]]:
    """Return code, message and the codes of the details of an ARM error body; wrong shapes yield empty text."""
    if not isinstance(body, Mapping):
        return "", "", []
    error = body.get("error")
    if not isinstance(error, Mapping):
        error = body
    details = error.get("details")
    found = [detail for detail in details if isinstance(detail, Mapping)] if isinstance(details, list) else []
    message = " ".join(str(part.get("message", "")) for part in [error, *found]).strip()
    code = error.get("code")
    return code if isinstance(code, str) else "", message, [str(detail.get("code", "")) for detail in found]


def read_refusal(status: int, body: object, *, request_id: str | None = None, attempts: int = 1) -> Refusal:
    """Sort an error answer by its status and code (collected from Azure's documentation and from recorded traffic)."""
    code, message, details = error_of(body)
    action, scope = _ACTION.search(message), _SCOPE.search(message)
    return Refusal(
        kind=_kind(status, {word.lower() for word in [code, *details]}),
        status=status,
        code=details[0] if details and code.lower() == "badrequest" else code,
        message=message[:2000],
        action=action.group(1) if action else None,
        scope=scope.group(1) if scope else None,
        request_id=request_id,
        attempts=attempts,
    )


def _kind(status: int, codes: set[str]) -> Kind:  # noqa: PLR0911 - one answer per line reads as the table it is
    if codes & _VERSION_CODES:
        return Kind.UNKNOWN_VERSION
    if codes & _UNREGISTERED_CODES:
        return Kind.UNREGISTERED
    if codes & _NOT_LICENSED_CODES:
        return Kind.NOT_LICENSED
    if "responsepayloadtoolarge" in codes:
        return Kind.TOO_LARGE
    if "disallowedlogicaltablename" in codes:
        return Kind.NO_TABLE
    if codes & _DENIED_CODES or status == 403:
        return Kind.DENIED
    if codes & _SIGN_IN_CODES or status == 401:
        return Kind.SIGNED_OUT
    if status == 404:
        return Kind.NOT_FOUND
    if status == 429:
        return Kind.THROTTLED
    return Kind.BAD_REQUEST if 400 <= status < 500 else Kind.FAILED


def supported_versions(message: str) -> list[str]:
    """Return the API versions that an error message offers, newest first."""
    found = _VERSIONS.search(message)
    return sorted({part.strip() for part in found.group(1).split(",") if part.strip()}, reverse=True) if found else []


def choose_version(pinned: str, offered: list[str]) -> str | None:
    """Return the version to use where the pinned one is unknown, or None when nothing is offered.

    The newest stable one that is not newer, else the oldest stable one, else the same among previews.
    """
    stable = sorted(version for version in offered if "preview" not in version.lower())
    for versions in (stable, sorted(offered)):
        older = [version for version in versions if version <= pinned]
        if older:
            return older[-1]
        if versions:
            return versions[0]
    return None
