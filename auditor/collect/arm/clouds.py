"""Know the endpoints of an Azure cloud: where ARM is, which audience its tokens carry, where one signs in."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from auditor.collect.options import CloudName
from auditor.errors import CollectionError


class Cloud(Struct, frozen=True):
    """One cloud: URLs without a trailing slash; `scope` is what a token for ARM is asked for."""

    name: str
    arm: str
    scope: str
    authority: str
    graph: str
    is_private: bool = False


CLOUDS: Final[Mapping[CloudName, Cloud]] = {
    CloudName.PUBLIC: Cloud(
        "public",
        "https://management.azure.com",
        "https://management.azure.com/.default",
        "https://login.microsoftonline.com",
        "https://graph.microsoft.com",
    ),
    # The audience of Azure Government is the classic host, not the ARM host (azure-mgmt-core, get_arm_endpoints).
    CloudName.US_GOVERNMENT: Cloud(
        "usgovernment",
        "https://management.usgovcloudapi.net",
        "https://management.core.usgovcloudapi.net/.default",
        "https://login.microsoftonline.us",
        "https://graph.microsoft.us",
    ),
    CloudName.CHINA: Cloud(
        "china",
        "https://management.chinacloudapi.cn",
        "https://management.chinacloudapi.cn/.default",
        "https://login.chinacloudapi.cn",
        "https://microsoftgraph.chinacloudapi.cn",
    ),
}

_ARM_AUDIENCES: Final = frozenset(
    {
        *(cloud.arm for cloud in CLOUDS.values()),
        "https://management.core.windows.net",
        "https://management.core.usgovcloudapi.net",
        "https://management.core.chinacloudapi.cn",
    }
)
_MICROSOFTS: Final = (
    *(".azure.com", ".azure.net", ".windows.net", ".microsoft.com", ".microsoftonline.com", ".azure-api.net"),
    *(".office.com", ".office365.com", ".sharepoint.com", ".visualstudio.com", ".dynamics.com", ".powerbi.com"),
    *(".azure.us", ".usgovcloudapi.net", ".microsoftonline.us", ".microsoft.us"),
    *(".azure.cn", ".chinacloudapi.cn", ".partner.microsoftonline.cn", ".microsoftonline.cn"),
)
"""Domains in which the audiences of Microsoft's own services lie."""

METADATA_PATH: Final = "/metadata/endpoints?api-version=2022-09-01"


def is_loopback(url: str) -> bool:
    """Whether a URL names this very machine, by address or as `localhost`."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def choose_cloud(
    name: CloudName, arm_endpoint: str | None, fetch: Callable[[str], object], allowed: Sequence[str] = ()
) -> Cloud:
    """Return the cloud to talk to; raise `CollectionError` where a token could go astray.

    A private cloud's ARM endpoint tells audience and login host at `/metadata/endpoints`; what it does not tell is
    taken from the named cloud. `fetch` returns the decoded JSON at a URL, or None where there is none, and sends no
    token. `allowed` are the hosts that may be private endpoints: whoever names one must name it twice, because it
    chooses where one signs in and is sent a token. This machine itself needs no second name.
    """
    known = CLOUDS[name]
    if arm_endpoint is None:
        return known
    arm = _checked_endpoint(arm_endpoint)
    published = next((cloud for cloud in CLOUDS.values() if cloud.arm == arm.lower()), None)
    if published is not None:
        return published
    if not is_loopback(arm) and not _is_allowed(arm, allowed):
        host = urlsplit(arm).netloc
        raise CollectionError(
            f"{host} is not one of Azure's endpoints; it would be sent a token.",
            f"name it twice if it is meant: --allow-endpoint {host}",
        )
    described = _matching_entry(fetch(arm + METADATA_PATH), arm)
    authentication = described.get("authentication")
    authentication = authentication if isinstance(authentication, Mapping) else {}
    audiences = authentication.get("audiences")
    audience = audiences[0] if isinstance(audiences, list) and audiences and isinstance(audiences[0], str) else None
    return Cloud(
        name=str(described.get("name") or urlsplit(arm).netloc),
        arm=arm,
        scope=_pinned(audience, arm) if audience else known.scope,
        authority=_https_url(authentication.get("loginEndpoint")) or known.authority,
        graph=_https_url(described.get("microsoftGraphResourceId")) or known.graph,
        is_private=True,
    )


def _is_allowed(arm: str, allowed: Sequence[str]) -> bool:
    """Whether an endpoint's host, or its host with its port, is among those that were named."""
    parts = urlsplit(arm)
    names = {name.lower() for name in allowed}
    return bool(names & {(parts.hostname or "").lower(), parts.netloc.lower()})


def _pinned(audience: str, arm: str) -> str:
    """Return the scope of a token for an audience that an endpoint asks for.

    Of the audiences of Microsoft's own services only Resource Manager's is given away: a token for another one (a
    vault, storage, the directory) would be of no use at this endpoint but to steal it.
    """
    plain = audience.rstrip("/")
    host = (_host(audience) or "").lower()
    is_of_arm = plain.lower() in _ARM_AUDIENCES
    is_own = bool(host) and not host.endswith(_MICROSOFTS)
    if not is_of_arm and not is_own:
        raise CollectionError(
            f"{urlsplit(arm).netloc} asks for a token for {audience[:200]}, which is not a Resource Manager.",
            "check --arm-endpoint, and who answers there",
        )
    return plain + "/.default"


def _host(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.hostname if parts.scheme == "https" else None


def _checked_endpoint(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # an impossible port or address
        parts, is_address = urlsplit(""), False
    if not is_address or parts.query or parts.username or parts.fragment:
        raise CollectionError(f"{url!r} is not an ARM endpoint.", "give a URL such as https://management.example.org")
    if parts.scheme == "http" and not is_loopback(url):
        raise CollectionError(f"{url!r} would send the token in clear text.", "use https")
    return url.rstrip("/")


def _matching_entry(document: object, arm: str) -> Mapping[str, object]:
    """Return what a metadata document says of an ARM endpoint; newer ones list clouds, older ones are one."""
    entries = document if isinstance(document, list) else [document]
    objects = [entry for entry in entries if isinstance(entry, Mapping)]
    for entry in objects:
        if str(entry.get("resourceManager", "")).rstrip("/").lower() == arm.lower():
            return entry
    return objects[0] if len(objects) == 1 else {}


def _https_url(value: object) -> str | None:
    return value.rstrip("/") if isinstance(value, str) and _host(value) else None
