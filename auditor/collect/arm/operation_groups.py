"""Call Azure through the operation groups of Microsoft's management packages; they know path, version and paging.

What they make of an answer is not used: their models drop properties that they do not know, take many times as long as
the decoding, and fail at what does not fit them. A hook takes the whole body of each answer and leaves the package only
the link to the next page, once that link has been checked.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import orjson
from azure.core.paging import ItemPaged
from azure.core.pipeline import Pipeline, PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import ContentDecodePolicy
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.machinelearningservices import MachineLearningServicesMgmtClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from msgspec import Struct

from auditor import resource_id as ids
from auditor.collect.arm.clouds import Cloud
from auditor.collect.arm.credentials import TokenCache
from auditor.collect.arm.sender import Decoded
from auditor.yaml_source import load_file

_ABOVE: Final = 2
"""The segments of a subscription's own path."""
_TABLE: Final = Path(__file__).resolve().with_suffix(".yaml")
_CLIENTS: Final[Mapping[str, Callable[..., object]]] = {
    "cognitiveservices": CognitiveServicesManagementClient,
    "machinelearningservices": MachineLearningServicesMgmtClient,
    "network": NetworkManagementClient,
    "resource": ResourceManagementClient,
}
_MOST_CLIENTS: Final = 400  # one for each subscription and package; each takes up to 80 KB, and 10 ms to make
_NO_SUBSCRIPTION: Final = "00000000-0000-0000-0000-000000000000"


class GroupOperation(Struct, frozen=True):
    """An operation of a package: the client's group and method, and the shape of the paths that it reads."""

    package: str
    group: str
    method: str
    shape: re.Pattern[str]

    def __str__(self) -> str:
        return f"{self.package} {self.group}.{self.method}"

    def of(self, client: object) -> Callable[..., object]:
        """Return a client's method; AttributeError where that version of the package has none."""
        method: Callable[..., object] = getattr(getattr(client, self.group), self.method)
        return method


_ANY_TYPE: Final = GroupOperation("resource", "resources", "get_by_id", re.compile("/.+"))


class Answered(Struct, frozen=True):
    """The whole body of one answer, and the API version that was asked for."""

    value: object
    size: int
    api_version: str


Receive = Callable[[Answered], str | None]
"""Takes an answer and returns the link to the page that shall be read next, or None."""


class OperationGroups:
    """The packages' clients on our pipeline; without it they would retry, log and register in their own ways."""

    def __init__(self, cloud: Cloud, credential: TokenCache, pipeline: Pipeline[HttpRequest, HttpResponse]) -> None:
        self._cloud, self._credential, self._pipeline = cloud, credential, pipeline
        self._clients: dict[tuple[str, str, str | None], object] = {}
        self._older: set[GroupOperation] = set()
        self._avoided: set[GroupOperation] = set()
        self._lock = threading.Lock()

    def reading(self, path: str) -> GroupOperation | None:
        """Return the operation that reads a path, or None where no installed package has any."""
        operation = next((known for known in _alike(path) if known.shape.fullmatch(path)), None)
        if operation is None or operation in self._avoided:
            return None
        try:
            operation.of(self._client(operation.package, ids.subscription_of(path) or _NO_SUBSCRIPTION, None))
        except AttributeError:
            self.avoid(operation)
            return None
        return operation

    def avoid(self, operation: GroupOperation) -> None:
        """Use an operation no more: it is not there, or this cloud does not know its API version."""
        with self._lock:
            self._avoided.add(operation)

    def read(self, operation: GroupOperation, path: str, least: str, receive: Receive) -> None:
        """Read a path with all its pages, in the package's own API version or, where that is older, in the least."""
        shape = operation.shape.fullmatch(path)
        arguments = shape.groupdict() if shape else {}
        subscription = ids.subscription_of(path) or _NO_SUBSCRIPTION
        if operation not in self._older:
            client = self._client(operation.package, subscription, None)
            try:
                _run(operation.of(client), arguments, receive, _NotOlder(least))
            except _Older:
                with self._lock:
                    self._older.add(operation)
            else:
                return
        # Some packages put the version of the client, not that of the call, on the link to the next page.
        client = self._client(operation.package, subscription, least)
        _run(operation.of(client), {**arguments, "api_version": least}, receive)

    def read_by_id(self, resource_id: str, api_version: str, receive: Receive) -> None:
        """Read a resource of any type."""
        client = self._client(_ANY_TYPE.package, _NO_SUBSCRIPTION, None)
        _run(_ANY_TYPE.of(client), {"resource_id": resource_id, "api_version": api_version}, receive)

    def _client(self, package: str, subscription: str, api_version: str | None) -> object:
        key = (package, subscription.lower(), api_version)
        client = self._clients.get(key)
        if client is None:
            options: dict[str, Any] = {
                "base_url": self._cloud.arm,
                "credential_scopes": [self._cloud.scope],
                "pipeline": self._pipeline,
                **({"api_version": api_version} if api_version else {}),
            }
            client = _CLIENTS[package](self._credential, subscription, **options)
            with self._lock:
                while len(self._clients) >= _MOST_CLIENTS:
                    del self._clients[next(iter(self._clients))]
                client = self._clients.setdefault(key, client)
        return client


@cache
def table() -> tuple[GroupOperation, ...]:
    """Return the operations of the packages that are used, as the file beside this module names them."""
    return tuple(operation for operation, _ in _paths())


@cache
def _paths() -> Sequence[tuple[GroupOperation, str]]:
    """Return the operations, each with the paths that it reads below a subscription, parameters in braces."""
    return [
        (GroupOperation(package, group, method, re.compile(_shape(path), re.IGNORECASE)), path)
        for package, operations in load_file(_TABLE, _TABLE.name).mapping("packages").items()
        for name, node in operations.mapping("operations").items()
        for group, _, method in [name.partition(".")]
        for path in [node.text("a path")]
    ]


@cache
def _by_ending() -> Mapping[tuple[int, bool, str], Sequence[GroupOperation]]:
    """Return the operations by how the paths end that they read: few of them need be held against a path.

    Segments below the subscription, whether a name is the last, and in lower case the last that is none.
    """
    found: dict[tuple[int, bool, str], list[GroupOperation]] = {}
    for operation, path in _paths():
        parts = path.split("/")
        is_named = parts[-1].startswith("{")
        found.setdefault((len(parts), is_named, parts[-2 if is_named else -1].lower()), []).append(operation)
    return found


def _alike(path: str) -> Iterator[GroupOperation]:
    """Yield the operations that read paths which end as this one does."""
    parts = path.lower().split("/")
    for is_named in (False, True) if len(parts) > _ABOVE else ():
        yield from _by_ending().get((len(parts) - _ABOVE, is_named, parts[-2 if is_named else -1]), ())


def _shape(path: str) -> str:
    parts = re.split(r"\{(\w+)\}", path)
    names = (f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
    return f"/subscriptions/[^/]+{''.join(names)}"


class _Older(Exception):  # noqa: N818 - it ends a call that was not sent
    """The package's own API version is older than what is needed."""


class _NotOlder:
    """Ends a call before it is sent where its API version is older than the least that will do."""

    def __init__(self, least: str) -> None:
        self._least = least

    def __call__(self, request: PipelineRequest[HttpRequest]) -> None:
        if _version_in(request.http_request.url)[:10] < self._least[:10]:
            raise _Older


class _LinkOnly:
    """What a package gets to see of an answer: that it is one, and where the list goes on."""

    status_code: Final = 200
    reason: Final = "OK"

    def __init__(self, headers: Mapping[str, str], body: dict[str, object]) -> None:
        self.headers, self._body = headers, body

    def json(self) -> dict[str, object]:
        return self._body

    def text(self) -> str:
        return self.body().decode()

    def body(self) -> bytes:
        return orjson.dumps(self._body)


def _run(
    call: Callable[..., object],
    arguments: Mapping[str, str],
    receive: Receive,
    before: Callable[[PipelineRequest[HttpRequest]], None] | None = None,
) -> None:
    """Call an operation and, where it is a list, read its pages until `receive` names no further one."""
    into = Decoded()

    def keep(response: PipelineResponse[HttpRequest, HttpResponse]) -> None:
        answer = response.http_response
        link = receive(Answered(into.value, into.size, _version_in(answer.request.url)))
        left: dict[str, object] = {"value": [], "nextLink": link}
        shown: Any = _LinkOnly({"Content-Type": "application/json"}, left)
        response.http_response = shown
        response.context[ContentDecodePolicy.CONTEXT_NAME] = left

    result = call(**arguments, raw_request_hook=before, raw_response_hook=keep, into=into)
    if isinstance(result, ItemPaged):
        for _ in result.by_page():
            pass


def _version_in(url: str) -> str:
    return next(iter(parse_qs(urlsplit(url).query).get("api-version", [])), "")
