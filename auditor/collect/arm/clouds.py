"""Know the endpoints of an Azure cloud: where ARM is, which audience its tokens carry, where one signs in."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from auditor.collect.options import CloudName
from auditor.errors import CollectionError


@dataclass(frozen=True, slots=True)
class Cloud:
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

METADATA_PATH: Final = "/metadata/endpoints?api-version=2022-09-01"


def is_loopback(url: str) -> bool:
    """Whether a URL names this very machine, by address or as `localhost`."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def choose_cloud(name: CloudName, arm_endpoint: str | None, fetch: Callable[[str], object]) -> Cloud:
    """Return the cloud to talk to.

    A private cloud's ARM endpoint tells audience and login host at `/metadata/endpoints`; what it does not tell is
    taken from the named cloud. `fetch` returns the decoded JSON at a URL, or None where there is none, and sends no
    token.
    """
    known = CLOUDS[name]
    if arm_endpoint is None:
        return known
    arm = _checked_endpoint(arm_endpoint)
    described = _matching_entry(fetch(arm + METADATA_PATH), arm)
    authentication = described.get("authentication")
    authentication = authentication if isinstance(authentication, Mapping) else {}
    audiences = authentication.get("audiences")
    audience = audiences[0] if isinstance(audiences, list) and audiences and isinstance(audiences[0], str) else None
    return Cloud(
        name=str(described.get("name") or urlsplit(arm).netloc),
        arm=arm,
        scope=audience.rstrip("/") + "/.default" if audience else known.scope,
        authority=_https_url(authentication.get("loginEndpoint")) or known.authority,
        graph=_https_url(described.get("microsoftGraphResourceId")) or known.graph,
        is_private=True,
    )


def _checked_endpoint(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
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
    return value.rstrip("/") if isinstance(value, str) and urlsplit(value).scheme == "https" else None
