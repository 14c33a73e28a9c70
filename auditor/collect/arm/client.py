"""Ask Azure Resource Manager: one pipeline, its management clients, whole lists, negotiated versions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import orjson
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline import Pipeline
from azure.core.pipeline.policies import SensitiveHeaderCleanupPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.machinelearningservices import MachineLearningServicesMgmtClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient

from auditor import resource_id as ids
from auditor.collect.arm.clouds import Cloud
from auditor.collect.arm.credentials import TokenCache
from auditor.collect.arm.pacing import Pacer
from auditor.collect.arm.pages import ListAnswer, ListBudget, Response, next_page, take_page
from auditor.collect.arm.pipeline import ArmAuthentication, CallLog, HostPin, Identification, ReadOnlyGuard
from auditor.collect.arm.refusals import Kind, Refusal, Refused, choose_version, supported_versions
from auditor.collect.arm.sender import Decoded, PatientSender, Tally
from auditor.collect.arm.transport import session_for, trusted_authorities
from auditor.collect.options import CollectOptions
from auditor.shipped import tool_version

PROVIDERS_VERSION: Final = "2021-04-01"
GRAPH_VERSION: Final = "2024-04-01"

Send = Callable[..., HttpResponse]


class Arm:
    """A signed-in, read-only session with one cloud. Safe to use from many threads."""

    def __init__(
        self,
        cloud: Cloud,
        credential: TokenCache,
        options: CollectOptions,
        pacer: Pacer,
    ) -> None:
        self.cloud = cloud
        self.tally = Tally()
        self.pacer = pacer
        self._credential = credential
        self._options = options
        self._transport = RequestsTransport(
            session=session_for(
                cloud.arm,
                connections=options.threads + 8,
                seconds=options.budgets.answer_seconds,
                most_bytes=options.budgets.answer_bytes,
            ),
            session_owner=True,
            connection_verify=trusted_authorities(),
            connection_timeout=min(30.0, options.retry.timeout),
            read_timeout=options.retry.timeout,
        )
        self._client = _client_on(cloud.arm, self._pipeline(cloud.arm, cloud.scope))
        self._senders = self._open_clients()
        self._versions: dict[tuple[str, str], str] = {}
        self._providers: dict[tuple[str, str], Mapping[str, object] | None] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections and the credential."""
        self._client.close()
        self._credential.close()

    def get(self, path: str, api_version: str, **query: str) -> Response:
        """Return the answer to one GET; `path` starts at the root of ARM. Raise `Refused` where there is none."""
        key = ((ids.type_of(path) or path).lower(), api_version)
        version = self._versions.get(key, api_version)
        try:
            return self._get(path, version, query)
        except Refused as refused:
            if refused.refusal.kind is not Kind.UNKNOWN_VERSION:
                raise
            other = self._other_version(path, version, refused.refusal.message)
            if other is None or other == version:
                raise
            answer = self._get(path, other, query)
            with self._lock:
                self._versions[key] = other
            return answer

    def list_all(self, path: str, api_version: str, **query: str) -> ListAnswer:
        """Return every item of a list, over all its pages; an empty page does not end it.

        A list that breaks off keeps what came and says so in `refusal`; `Refused` is raised where not even a first
        page came.
        """
        first = self.get(path, api_version, **query)
        listing = ListAnswer(api_version=first.api_version, at=first.at)
        seen_links: set[str] = set()
        seen_ids: set[str] = set()
        page = Decoded(first.value, first.size)
        budget = ListBudget(self._options.budgets, self.pacer.clock.now)
        while True:
            budget.take(page.size)
            link = take_page(page.value, listing, seen_ids)
            if listing.refusal is not None or link is None:
                return listing
            try:
                budget.check()
                page = self._send(HttpRequest("GET", next_page(self.cloud.arm, path, link, seen_links)))
            except Refused as refused:
                listing.refusal = refused.refusal
                return listing

    def resource_graph(self, body: Mapping[str, object]) -> object:
        """Return the answer to one Resource Graph query."""
        url = f"{self.cloud.arm}/providers/Microsoft.ResourceGraph/resources?api-version={GRAPH_VERSION}"
        headers = {"Content-Type": "application/json"}
        return self._send(HttpRequest("POST", url, content=orjson.dumps(body), headers=headers)).value

    @property
    def most_pages(self) -> int:
        """Return how many pages a list may have."""
        return self._options.budgets.list_pages

    def provider(self, subscription: str, namespace: str) -> Mapping[str, object] | None:
        """Return what a subscription knows of a resource provider (registration, versions), or None if it won't say."""
        key = (subscription.lower(), namespace.lower())
        if key not in self._providers:
            path = f"/subscriptions/{subscription}/providers/{namespace}"
            try:
                found = self._get(path, PROVIDERS_VERSION, {}).value
            except Refused:
                found = None
            with self._lock:
                self._providers[key] = found if isinstance(found, Mapping) else None
        return self._providers[key]

    def newest_version(self, resource_id: str) -> str | None:
        """Return the newest API version, a stable one if there is any, that Azure offers for a resource's type."""
        subscription, resource_type = ids.subscription_of(resource_id), ids.type_of(resource_id)
        if subscription is None or resource_type is None:
            return None
        namespace, _, name = resource_type.partition("/")
        return choose_version("9999-12-31", _versions_of(self.provider(subscription, namespace), name))

    def is_unregistered(self, subscription: str, namespace: str) -> bool:
        """Whether the subscription has never used a provider; only then is an empty answer the truth."""
        known = self.provider(subscription, namespace)
        return known is not None and str(known.get("registrationState", "")).lower() in {
            "notregistered",
            "unregistered",
        }

    def directory_objects(self, object_ids: list[str]) -> object:
        """Return the directory's objects of these ids (at most 1,000), with a token for Microsoft Graph."""
        graph = self.cloud.graph
        client = _client_on(graph, self._pipeline(graph, graph + "/.default"))
        into = Decoded()
        request = HttpRequest("POST", f"{graph}/v1.0/directoryObjects/getByIds", json={"ids": object_ids})
        client.send_request(request, into=into)
        return into.value

    def _pipeline(self, base_url: str, scope: str) -> Pipeline[HttpRequest, HttpResponse]:
        return Pipeline(
            transport=self._transport,
            policies=[
                ReadOnlyGuard(),
                HostPin(base_url),
                PatientSender(self.pacer, self._options.retry, self._options.budgets, self.tally, self._credential),
                Identification(f"auditor/{tool_version()}"),
                ArmAuthentication(self._credential, scope),
                CallLog(self.tally),
                SensitiveHeaderCleanupPolicy(),
            ],
        )

    def _open_clients(self) -> Mapping[str, Send]:
        """Open the management clients on our pipeline; without it they would retry, log and register in their own ways.

        They are used for sending only: the models of two of them drop properties that they do not know.
        """
        pipeline = self._client._pipeline  # noqa: SLF001 - the clients take a pipeline, but the base class keeps it private
        common: dict[str, Any] = {
            "base_url": self.cloud.arm,
            "credential_scopes": [self.cloud.scope],
            "pipeline": pipeline,
        }
        credential: Any = self._credential
        anywhere = "00000000-0000-0000-0000-000000000000"
        network = NetworkManagementClient(credential, anywhere, **common)
        resources = ResourceManagementClient(credential, anywhere, **common)
        cognitive = CognitiveServicesManagementClient(credential, anywhere, **common)
        learning = MachineLearningServicesMgmtClient(credential, anywhere, **common)
        return {
            "microsoft.network": network.send_request,
            "microsoft.resources": resources.send_request,
            "microsoft.cognitiveservices": cognitive._send_request,  # noqa: SLF001 - these older clients name it so
            "microsoft.machinelearningservices": learning._send_request,  # noqa: SLF001 - as above
        }

    def _get(self, path: str, api_version: str, query: Mapping[str, str]) -> Response:
        parameters = urlencode({"api-version": api_version, **query}, quote_via=quote, safe="$':,")
        answer = self._send(HttpRequest("GET", f"{self.cloud.arm}{quote(path, safe='/$()!*,;@:+=~')}?{parameters}"))
        return Response(answer.value, api_version, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), answer.size)

    def _send(self, request: HttpRequest) -> Decoded:
        into = Decoded()
        otherwise: Send = self._client.send_request
        send = self._senders.get(_namespace_of(request.url), otherwise)
        try:
            send(request, into=into)
        except ClientAuthenticationError as error:
            message = " ".join(str(error).split())[:300]
            raise Refused(Refusal(Kind.SIGNED_OUT, 401, message=message)) from error
        return into

    def _other_version(self, path: str, version: str, message: str) -> str | None:
        offered = supported_versions(message)
        if not offered and (subscription := ids.subscription_of(path)) and (resource_type := ids.type_of(path)):
            namespace, _, name = resource_type.partition("/")
            offered = _versions_of(self.provider(subscription, namespace), name)
        return choose_version(version, [text for text in offered if text != version])


def _client_on(
    base_url: str, pipeline: Pipeline[HttpRequest, HttpResponse]
) -> ARMPipelineClient[HttpRequest, HttpResponse]:
    """Return a client on a pipeline of ours; the policies that it wants to be given would be ignored beside it."""
    return ARMPipelineClient(base_url, pipeline=pipeline, policies=[])


def _namespace_of(url: str) -> str:
    path = urlsplit(url).path.lower()
    found = ids.type_of(path)
    if found is not None:
        return found.partition("/")[0]
    parts = ids.segments(path)
    return parts[parts.index("providers") + 1] if "providers" in parts[:-1] else "microsoft.resources"


def _versions_of(provider: Mapping[str, object] | None, type_name: str) -> list[str]:
    types = provider.get("resourceTypes") if provider else None
    for entry in types if isinstance(types, list) else []:
        if isinstance(entry, Mapping) and str(entry.get("resourceType", "")).lower() == type_name.lower():
            versions = entry.get("apiVersions")
            return [text for text in versions if isinstance(text, str)] if isinstance(versions, list) else []
    return []
