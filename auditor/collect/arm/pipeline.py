"""Policies of our pipeline: nothing is written, no secret is asked for, no token goes astray."""

from __future__ import annotations

import logging
import re
import uuid
from typing import Final
from urllib.parse import urlsplit

from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

from auditor import resource_id as ids
from auditor.collect.arm.clouds import is_loopback
from auditor.collect.arm.pages import origin
from auditor.collect.arm.sender import RESOURCE_GRAPH_PATH, Tally
from auditor.errors import CollectionError

log = logging.getLogger("auditor.collect")

GRAPH_BY_IDS_PATH: Final = "/v1.0/directoryobjects/getbyids"
_POST_ALLOWED: Final = frozenset({RESOURCE_GRAPH_PATH, GRAPH_BY_IDS_PATH})

_SECRET_OPERATION: Final = re.compile(
    r"list|list[a-z]*(key|secret|credential|token|sas|connectionstring|password)[a-z]*|publishxml"
)


class ReadOnlyGuard(SansIOHTTPPolicy[HttpRequest, HttpResponse]):
    """Refuses every request that could change something or bring secrets, before it reaches the wire."""

    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        """Let only GET pass, and POST to the two queries that exist in no other form."""
        sent = request.http_request
        path = urlsplit(sent.url).path.rstrip("/").lower()
        if _asks_for_secrets(path):
            raise CollectionError(f"{path} answers with secrets; it was not asked.", "this is a defect of auditor")
        if sent.method == "GET" or (sent.method == "POST" and path in _POST_ALLOWED):
            return
        raise CollectionError(f"{sent.method} {path} is not a read; it was not sent.", "this is a defect of auditor")


def _asks_for_secrets(path: str) -> bool:
    """Whether a path, in lower case, ends in an operation that lists secrets (`…/listkeys`, `…/config/x/list`).

    Resources may be called so: only where a type or an operation stands does the word count.
    """
    parts = ids.segments(path)
    last = max((index for index, part in enumerate(parts) if part == "providers"), default=-1)
    return last >= 0 and any(_SECRET_OPERATION.fullmatch(part) for part in parts[last + 2 :: 2])


class HostPin(SansIOHTTPPolicy[HttpRequest, HttpResponse]):
    """Keeps every request, and with it the token, at one host."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base, self._origin = base_url.rstrip("/") + "/", origin(base_url)
        self._is_loopback = is_loopback(base_url)

    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        """Refuse other hosts; allow plain HTTP where the host is this very machine."""
        url = request.http_request.url
        if not url.startswith(self._base) and origin(url) != self._origin:
            raise CollectionError(f"A request to {urlsplit(url).netloc} was not sent: it is not the chosen cloud.")
        if self._is_loopback:  # of the origin, which is that of the URL
            request.context.options["enforce_https"] = False


class Identification(SansIOHTTPPolicy[HttpRequest, HttpResponse]):
    """Says who asks, and gives each attempt an id that Azure's support can find."""

    def __init__(self, user_agent: str) -> None:
        super().__init__()
        self._user_agent = user_agent

    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        """Set the headers of one attempt."""
        headers = request.http_request.headers
        headers["User-Agent"] = self._user_agent
        headers["x-ms-client-request-id"] = str(uuid.uuid4())
        headers["x-ms-return-client-request-id"] = "true"
        headers.setdefault("Accept", "application/json")


class ArmAuthentication(ARMChallengeAuthenticationPolicy):
    """Puts the token on each attempt; the credential behind it keeps and renews tokens."""


class CallLog(SansIOHTTPPolicy[HttpRequest, HttpResponse]):
    """Counts and logs each attempt that reaches the wire: method and path, no headers, query or body."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self._tally = tally

    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        """Count one attempt."""
        sent = request.http_request
        path = urlsplit(sent.url).path
        with self._tally.lock:
            self._tally.calls[f"{sent.method} {_kind_of(path)}"] += 1
        log.debug("%s %s", sent.method, path)


def _kind_of(path: str) -> str:
    """Return what a call asks for, without names: a type, else what stands behind the provider, else the last word."""
    _, provider, behind = path.rpartition("/providers/")
    return ids.type_of(path) or (behind if provider else path.rpartition("/")[2])
