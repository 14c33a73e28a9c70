"""Ask Azure Resource Manager: one pipeline, the packages' operations, whole lists, negotiated versions."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlencode

import orjson
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline import Pipeline
from azure.core.pipeline.policies import CustomHookPolicy, SensitiveHeaderCleanupPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.core import ARMPipelineClient

from auditor import resource_id as ids
from auditor.collect.arm.clouds import Cloud
from auditor.collect.arm.credentials import TokenCache
from auditor.collect.arm.operation_groups import Answered, GroupOperation, OperationGroups
from auditor.collect.arm.pacing import Pacer
from auditor.collect.arm.pages import ListAnswer, ListBudget, Response, next_page, take_page
from auditor.collect.arm.pipeline import ArmAuthentication, CallLog, HostPin, Identification, ReadOnlyGuard
from auditor.collect.arm.refusals import Kind, Refusal, Refused, choose_version, supported_versions
from auditor.collect.arm.sender import Decoded, PatientSender, Tally
from auditor.collect.arm.transport import session_for, trusted_authorities
from auditor.collect.options import MOST_THREADS, CollectOptions
from auditor.shipped import tool_version

PROVIDERS_VERSION: Final = "2021-04-01"
GRAPH_VERSION: Final = "2024-04-01"


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
                connections=(options.threads or MOST_THREADS) + 8,
                seconds=options.budgets.answer_seconds,
                most_bytes=options.budgets.answer_bytes,
            ),
            session_owner=True,
            connection_verify=trusted_authorities(),
            connection_timeout=min(30.0, options.retry.timeout),
            read_timeout=options.retry.timeout,
        )
        pipeline = self._pipeline(cloud.arm, cloud.scope)
        self._client = _client_on(cloud.arm, pipeline)
        self._groups = OperationGroups(cloud, credential, pipeline)
        self._versions: dict[tuple[str, str], str] = {}
        self._providers: dict[tuple[str, str], Mapping[str, object] | None] = {}
        self.not_shared: set[tuple[str, str]] = set()
        """Lists of several types that do not answer as such: subscription, in lower case, and path below a resource."""
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections and the credential."""
        self._client.close()
        self._credential.close()

    def get(self, path: str, api_version: str, **query: str) -> Response:
        """Return the answer to one GET; `path` starts at the root of ARM. Raise `Refused` where there is none.

        `api_version` is the least that will do: a package asks in its own where that is newer. Where the cloud does not
        know that, or none has the operation, it is asked in this one or, where it does not know this one, an older one.
        """
        operation = None if query else self._groups.reading(path)
        if operation is not None:
            try:
                return self._get_by(operation, path, api_version)
            except Refused as refused:
                self._avoid_if_unknown(operation, refused.refusal)
        return self._get_as_known(path, api_version, query)

    def _get_as_known(self, path: str, api_version: str, query: Mapping[str, str]) -> Response:
        """Return the answer to one GET in a version, or in one before it where the cloud does not know that."""
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
        """Return every item of a list, over all its pages; an empty page does not end it. Versions are as in `get`.

        A list that breaks off keeps what came and says so in `refusal`; `Refused` is raised where not even a first
        page came.
        """
        operation = None if query else self._groups.reading(path)
        if operation is not None:
            try:
                return self._list_by(operation, path, api_version)
            except Refused as refused:
                self._avoid_if_unknown(operation, refused.refusal)
        first = self._get_as_known(path, api_version, query)
        pages = _Pages(self, path, first.api_version, first.at)
        link = pages.take(Answered(first.value, first.size, first.api_version))
        while link is not None:
            try:
                page = self._send(HttpRequest("GET", link))
            except Refused as refused:
                pages.listing.refusal = refused.refusal
                break
            link = pages.take(Answered(page.value, page.size, first.api_version))
        return pages.listing

    def resource_graph(self, body: Mapping[str, object]) -> object:
        """Return the answer to one Resource Graph query."""
        url = f"{self.cloud.arm}/providers/Microsoft.ResourceGraph/resources?api-version={GRAPH_VERSION}"
        headers = {"Content-Type": "application/json"}
        return self._send(HttpRequest("POST", url, content=orjson.dumps(body), headers=headers)).value

    def list_budget(self) -> ListBudget:
        """Return what a list may cost, as of now."""
        return ListBudget(self._options.budgets, self.pacer.clock.now)

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
                found = self.get(path, PROVIDERS_VERSION).value
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
                CustomHookPolicy(),
                ReadOnlyGuard(),
                HostPin(base_url),
                PatientSender(self.pacer, self._options.retry, self._options.budgets, self.tally, self._credential),
                Identification(f"auditor/{tool_version()}"),
                ArmAuthentication(self._credential, scope),
                CallLog(self.tally),
                SensitiveHeaderCleanupPolicy(),
            ],
        )

    def _get_by(self, operation: GroupOperation, path: str, api_version: str) -> Response:
        answers: list[Answered] = []
        with _signed_in():
            self._groups.read(operation, path, api_version, answers.append)
        return Response(answers[0].value, answers[0].api_version, _now(), answers[0].size)

    def _list_by(self, operation: GroupOperation, path: str, api_version: str) -> ListAnswer:
        pages = _Pages(self, path)
        try:
            with _signed_in():
                self._groups.read(operation, path, api_version, pages.take)
        except Refused as refused:
            if not pages.listing.at:
                raise
            pages.listing.refusal = refused.refusal
        return pages.listing

    def _avoid_if_unknown(self, operation: GroupOperation, refusal: Refusal) -> None:
        """Avoid an operation of which this cloud does not know the package's version; raise any other refusal."""
        if refusal.kind is not Kind.UNKNOWN_VERSION:
            raise Refused(refusal)
        self._groups.avoid(operation)

    def _get(self, path: str, api_version: str, query: Mapping[str, str]) -> Response:
        quoted = quote(path, safe="/$()!*,;@:+=~")
        if not query and _is_of_a_resource(path):
            answers: list[Answered] = []
            with _signed_in():
                self._groups.read_by_id(quoted, api_version, answers.append)
            return Response(answers[0].value, api_version, _now(), answers[0].size)
        parameters = urlencode({"api-version": api_version, **query}, quote_via=quote, safe="$':,")
        answer = self._send(HttpRequest("GET", f"{self.cloud.arm}{quoted}?{parameters}"))
        return Response(answer.value, api_version, _now(), answer.size)

    def _send(self, request: HttpRequest) -> Decoded:
        into = Decoded()
        with _signed_in():
            self._client.send_request(request, into=into)
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


class _Pages:
    """The pages of one list: what they hold, what they cost, and where they may lead."""

    def __init__(self, arm: Arm, path: str, api_version: str = "", at: str = "") -> None:
        self.listing = ListAnswer(api_version=api_version, at=at)
        self._arm, self._path = arm.cloud.arm, path
        self._links: set[str] = set()
        self._ids: set[str] = set()
        self._budget = arm.list_budget()

    def take(self, page: Answered) -> str | None:
        """Keep a page; return the address of the next one, or None where there is none or none that may be read."""
        listing = self.listing
        if not listing.at:
            listing.api_version, listing.at = page.api_version, _now()
        self._budget.take(page.size)
        link = take_page(page.value, listing, self._ids)
        if listing.refusal is not None or link is None:
            return None
        try:
            self._budget.check()
            return next_page(self._arm, self._path, link, self._links)
        except Refused as refused:
            listing.refusal = refused.refusal
            return None


@contextmanager
def _signed_in() -> Iterator[None]:
    """Raise `Refused` where the sign-in is no longer accepted."""
    try:
        yield
    except ClientAuthenticationError as error:
        message = " ".join(str(error).split())[:300]
        raise Refused(Refusal(Kind.SIGNED_OUT, 401, message=message)) from error


def _is_of_a_resource(path: str) -> bool:
    """Whether a path is a resource's id: behind the last provider a namespace, then types and names in turn."""
    parts = ids.segments(path)
    provider = max((index for index, part in enumerate(parts) if part.lower() == "providers"), default=-1)
    behind = len(parts) - provider
    return provider >= 0 and behind >= 4 and behind % 2 == 0


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _versions_of(provider: Mapping[str, object] | None, type_name: str) -> list[str]:
    types = provider.get("resourceTypes") if provider else None
    for entry in types if isinstance(types, list) else []:
        if isinstance(entry, Mapping) and str(entry.get("resourceType", "")).lower() == type_name.lower():
            versions = entry.get("apiVersions")
            return [text for text in versions if isinstance(text, str)] if isinstance(versions, list) else []
    return []
