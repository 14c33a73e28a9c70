"""Serve an estate over HTTP as Azure would, with the faults that a test asks for."""

from __future__ import annotations

import base64
import gzip
import json
import re
import ssl
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import orjson

from auditor import resource_id as ids
from tests.simulator.estate import COLUMNS, Estate
from tests.simulator.faults import ITEM, LINK, spoil
from tests.simulator.kusto import QueryError, evaluate
from tests.simulator.quota import Quotas

Json = Any


@dataclass
class World:
    """What is served at the moment; a test replaces it as a whole."""

    estate: Estate
    faults: list[dict[str, Json]] = field(default_factory=list)
    hidden: dict[str, str] = field(default_factory=dict)
    page_size: int = 100
    graph_page_size: int = 1000
    graph_bytes: int = 16 << 20
    graph_columns: set[str] = field(default_factory=lambda: set(COLUMNS))
    versions: dict[str, list[str]] = field(default_factory=dict)
    unregistered: set[str] = field(default_factory=set)
    permissions: list[Json] = field(default_factory=lambda: [{"actions": ["*/read"], "notActions": []}])
    quotas: Quotas | None = None
    latency: float = 0.0
    tokens_valid_from: float = 0.0
    metadata: bool = True
    redirect: str = ""
    replay: list[Json] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, document: Json) -> World:
        """Build a world from what a test posted."""
        options = {
            name: document[name]
            for name in (
                "faults",
                "hidden",
                "page_size",
                "graph_page_size",
                "graph_bytes",
                "versions",
                "permissions",
                "latency",
                "metadata",
                "redirect",
            )
            if name in document
        }
        world = cls(Estate(document["estate"]), **options)
        if "graph_columns_missing" in document:
            world.graph_columns -= set(document["graph_columns_missing"])
        world.unregistered = {name.lower() for name in document.get("unregistered", [])}
        if "replay" in document:
            world.replay = json.loads(Path(document["replay"]).read_bytes())
        if scale := document.get("quota_scale"):
            world.quotas = Quotas(scale=scale)
        return world

    def fault(self, line: str) -> dict[str, Json] | None:
        """Return the fault that strikes a request, counting down those that strike a number of times."""
        with self.lock:
            for fault in self.faults:
                if fault.get("times", 1) != 0 and re.search(fault["match"], line, re.IGNORECASE | re.DOTALL):
                    if fault.get("skip", 0) > 0:
                        fault["skip"] -= 1
                        continue
                    if "times" in fault:
                        fault["times"] -= 1
                    return fault
        return None


class Answer(Exception):  # noqa: N818 - an early return through the layers
    """A response, ready to send."""

    def __init__(self, status: int, body: Json, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}


def error(status: int, code: str, message: str, **details: Json) -> Answer:
    """Return an ARM error."""
    return Answer(status, {"error": {"code": code, "message": message, **details}})


def issue_token(tenant: str, lifetime: int = 3600) -> str:
    """Return a token with the claims that Azure's carry; nobody checks the signature."""
    now = int(time.time())
    claims = {
        "aud": "https://management.azure.com",
        "tid": tenant,
        "oid": "00000000-0000-0000-0000-00000000aa01",
        "appid": "00000000-0000-0000-0000-00000000aa02",
        "iat_exact": time.time(),
        "iat": now,
        "exp": now + lifetime,
    }
    parts = [{"alg": "none", "typ": "JWT"}, claims, {"signature": "none"}]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        """Answer a read."""
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: object) -> None:
        """Keep quiet; the server has its own log."""

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        server, world = self.server, self.server.world
        server.note(self.command, self.path, content)
        if world.latency:
            time.sleep(world.latency)
        try:
            answer = self._answer(world, content)
        except Answer as early:
            answer = early
        fault = getattr(self, "_fault", None)
        self._send(answer, fault)

    def _answer(self, world: World, content: bytes) -> Answer:
        self._fault = None
        path = urlsplit(self.path).path
        if (early := self._sign_in(world, path, content)) is not None:
            return early
        self._check_token(world)
        self._fault = world.fault(f"{self.command} {self.path} {content[:2000].decode(errors='replace')}")
        if self._fault is not None and "status" in self._fault:
            body = self._fault.get("body", {"error": {"code": str(self._fault["status"]), "message": "made to fail"}})
            return Answer(self._fault["status"], body, self._fault.get("headers"))
        if self._fault is not None and self._fault.get("do") == "expire":
            world.tokens_valid_from = time.time()
            self._check_token(world)
        if self._fault is not None and self._fault.get("do") == "delete":
            world.estate.delete(self._fault["id"])
        headers = self._draw(world, path)
        answer = _arm(world, self.command, self.path, content, self.server.base_url)
        answer.headers = {**headers, **answer.headers}
        return answer

    def _draw(self, world: World, path: str) -> dict[str, str]:
        if world.quotas is None:
            return {}
        if path.lower().endswith("/microsoft.resourcegraph/resources"):
            allowed, headers = world.quotas.graph()
        else:
            allowed, headers = world.quotas.arm((ids.subscription_of(path) or "tenant").lower())
        if not allowed:
            raise Answer(429, {"error": {"code": "TooManyRequests", "message": "Please slow down."}}, headers)
        return headers

    def _check_token(self, world: World) -> None:
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        try:
            claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        except (IndexError, ValueError):
            raise error(
                401, "AuthenticationFailed", "Authentication failed. The token is missing or invalid."
            ) from None
        if kind != "Bearer" or claims["exp"] < time.time() or claims["iat_exact"] < world.tokens_valid_from:
            raise error(401, "ExpiredAuthenticationToken", "The access token expiry is in the past.")

    def _sign_in(  # noqa: PLR0911 - one endpoint after the other
        self, world: World, path: str, content: bytes
    ) -> Answer | None:
        query = parse_qs(urlsplit(self.path).query)
        base = self.server.base_url
        tenant = world.estate.tenant
        if path == "/metadata/endpoints":
            if not world.metadata:
                return Answer(404, {"error": {"code": "NotFound", "message": "no metadata"}})
            login = self.server.tls_url or "https://login.example.invalid"
            authentication = {
                "loginEndpoint": login,
                "audiences": ["https://management.azure.com/"],
                "tenant": "common",
            }
            cloud = {"name": "Simulated", "resourceManager": base, "authentication": authentication}
            return Answer(200, [{**cloud, "microsoftGraphResourceId": self.server.tls_url}])
        if path == "/msi/token":
            if self.headers.get("X-IDENTITY-HEADER") != "simulated":
                return Answer(401, {"error": "unauthorized"})
            token, ends = issue_token(tenant), int(time.time()) + 3600
            resource = query.get("resource", [""])[0]
            return Answer(
                200, {"access_token": token, "expires_on": str(ends), "resource": resource, "token_type": "Bearer"}
            )
        if path == "/oidc/token" and world.redirect:
            return Answer(302, {}, {"Location": world.redirect})
        if path == "/oidc/token":
            return Answer(200, {"value": "an.assertion.of-github", "oidcToken": "an.assertion.of-pipelines"})
        if path.endswith("/v2.0/.well-known/openid-configuration"):
            login = f"{self.server.tls_url}/{path.split('/')[1]}"
            return Answer(
                200,
                {
                    "token_endpoint": f"{login}/oauth2/v2.0/token",
                    "authorization_endpoint": f"{login}/oauth2/v2.0/authorize",
                    "issuer": f"{login}/v2.0",
                    "device_authorization_endpoint": f"{login}/oauth2/v2.0/devicecode",
                },
            )
        if path.endswith("/oauth2/v2.0/token"):
            if b"client_secret=wrong" in content:
                return Answer(
                    401,
                    {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."},
                )
            return Answer(
                200,
                {
                    "token_type": "Bearer",
                    "expires_in": 3600,
                    "ext_expires_in": 3600,
                    "access_token": issue_token(tenant),
                },
            )
        return None

    def _send(self, answer: Answer, fault: dict[str, Json] | None) -> None:
        content = answer.body if isinstance(answer.body, bytes) else orjson.dumps(answer.body)
        what = fault.get("do") if fault else None
        content_type = "application/json; charset=utf-8"
        if what == "reset":
            self.close_connection = True
            self.connection.close()
            return
        if what == "html":
            content, content_type = b"<html><body>Proxy sign-in</body></html>", "text/html"
        if what == "truncate":
            content = content[: len(content) // 2]
        if what == "huge":
            content = b'{"value": [' + b" " * fault["bytes"] + b"]}"
        if what == "bomb":
            content = gzip.compress(b'{"value": [' + b" " * fault["bytes"] + b"]}")
            answer.headers["Content-Encoding"] = "gzip"
        if what == "header-drip":
            self._drip(b"HTTP/1.1 200 OK\r\nX-Endless: " + b"x" * 4000)
            return
        self.send_response(answer.status)
        length = len(content) * 2 if what == "cut" else len(content)
        headers = {
            "Content-Type": content_type,
            "Content-Length": str(length),
            "x-ms-request-id": "00000000-0000-0000-0000-00000000rq01",
            **answer.headers,
        }
        headers |= fault.get("more_headers", {}) if fault else {}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if what == "drip":
            self._drip(content)
            return
        self.wfile.write(content)
        if what == "cut":
            self.close_connection = True

    def _drip(self, content: bytes) -> None:
        """Send one byte after the other, slowly."""
        self.close_connection = True
        for number in range(len(content)):
            self.wfile.write(content[number : number + 1])
            self.wfile.flush()
            time.sleep(0.1)


class Server(ThreadingHTTPServer):
    """The listener: `world` is what it serves, `base_url` where."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, log: Path, tls: tuple[Path, Path] | None = None, share: Server | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self._world = World(Estate({}))
        self._share = share
        self._log = log.open("a", encoding="utf-8")
        self._log_lock = threading.Lock()
        self.tls_url: str | None = None
        scheme = "http"
        if tls is not None:
            scheme = "https"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.base_url = f"{scheme}://127.0.0.1:{self.server_address[1]}"

    @property
    def world(self) -> World:
        """Return what is served now."""
        return self._share.world if self._share else self._world

    @world.setter
    def world(self, value: World) -> None:
        self._world = value

    def note(self, method: str, path: str, content: bytes) -> None:
        """Log a request as one line of JSON."""
        query = (
            content[:4000].decode(errors="replace")
            if path.lower().startswith("/providers/microsoft.resourcegraph")
            else ""
        )
        with self._log_lock:
            self._log.write(json.dumps({"method": method, "path": path, "body": query, "at": self.base_url}) + "\n")
            self._log.flush()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that hang up."""


def _arm(world: World, method: str, url: str, content: bytes, base_url: str) -> Answer:
    parts = urlsplit(url)
    path, query = parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}
    if path.lower() == "/v1.0/directoryobjects/getbyids":
        return _directory(world, json.loads(content))
    if "api-version" not in query:
        return error(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if path.lower() == "/providers/microsoft.resourcegraph/resources":
        return _graph(world, json.loads(content))
    if method != "GET":
        return error(405, "MethodNotAllowed", "This stand-in only reads.")
    if "replay" in query:
        recorded = world.replay[int(query["replay"])]
        body = recorded["body"]
        if isinstance(body, dict) and isinstance(recorded.get("next"), int):
            body = {
                **body,
                "nextLink": f"{base_url}{path}?api-version=1&replay={recorded['next']}",
            }
        return Answer(recorded["status"], body, recorded["headers"])
    path = unquote(path).rstrip("/")
    _check_version(world, path, query["api-version"])
    return _read(world, path, query, base_url)


def _check_version(world: World, path: str, version: str) -> None:
    resource_type = (ids.type_of(path) or "").lower()
    known = world.versions.get(resource_type)
    if known and version not in known:
        listed = ", ".join(known)
        raise error(
            400,
            "NoRegisteredProviderFound",
            f"No registered resource provider found for location 'eastus2' and API version '{version}' for type "
            f"'{resource_type.partition('/')[2]}'. The supported api-versions are '{listed}'.",
        )
    namespace = resource_type.partition("/")[0]
    if namespace in world.unregistered:
        raise error(
            409,
            "MissingSubscriptionRegistration",
            f"The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found.",
        )


def _read(  # noqa: C901, PLR0911, PLR0912 - one route after the other
    world: World, path: str, query: dict[str, str], base_url: str
) -> Answer:
    estate, lowered = world.estate, path.lower()
    segments = ids.segments(lowered)
    if lowered == "/subscriptions":
        found = [
            {"id": f"/subscriptions/{one['subscriptionId']}", "state": "Enabled", "tenantId": estate.tenant, **one}
            for one in estate.subscriptions
        ]
        return _page(world, path, _seen(world, "subscriptions", found), query, base_url)
    if segments[:2] == ["providers", "microsoft.management"]:
        return _management_group(estate, segments[-1])
    subscription = ids.subscription_of(lowered)
    if subscription is not None and all(one["subscriptionId"].lower() != subscription for one in estate.subscriptions):
        return error(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")
    if len(segments) == 2 and segments[0] == "subscriptions":
        [own] = [one for one in estate.subscriptions if one["subscriptionId"].lower() == subscription]
        return Answer(200, {"id": f"/subscriptions/{own['subscriptionId']}", "tenantId": estate.tenant, **own})
    if len(segments) == 4 and segments[2] == "resourcegroups":
        group = [one for one in estate.groups(segments[1]) if ids.key(one["id"]) == lowered]
        return Answer(200, group[0]) if group else error(404, "ResourceGroupNotFound", "It could not be found.")
    if len(segments) == 3 and segments[2] == "resourcegroups":
        return _page(world, path, _seen(world, "groups", estate.groups(segments[1])), query, base_url)
    if len(segments) == 3 and segments[2] == "resources":
        return _page(world, path, _seen(world, "arm", estate.tracked(segments[1])), query, base_url)
    if len(segments) == 5 and segments[2] == "resourcegroups" and segments[4] == "resources":
        group = "/" + "/".join(segments[:4])
        if all(ids.key(body["id"]) != group for body in estate.groups(segments[1])):
            return error(404, "ResourceGroupNotFound", f"Resource group '{segments[3]}' could not be found.")
        seen = _seen(world, "arm", estate.tracked(segments[1]))
        found = [body for body in seen if ids.is_under(body["id"], group)]
        return _page(world, path, found, query, base_url)
    if len(segments) == 3 and segments[2] == "locations":
        return _page(world, path, estate.document.get("locations", []), query, base_url)
    if len(segments) == 4 and segments[2] == "providers":
        state = "NotRegistered" if segments[3] in world.unregistered else "Registered"
        types = [
            {"resourceType": name.partition("/")[2], "apiVersions": versions}
            for name, versions in world.versions.items()
            if name.startswith(segments[3] + "/")
        ]
        return Answer(200, {"namespace": segments[3], "registrationState": state, "resourceTypes": types})
    if lowered.endswith("/providers/microsoft.authorization/permissions"):
        return _page(world, path, world.permissions, query, base_url)
    if lowered.endswith("/eventtypes/management/values"):
        return _page(world, path, _events(estate, query["$filter"]), query, base_url)
    if segments[-1] == "servicetags":
        return Answer(
            200,
            {
                "name": "Public",
                "id": f"/subscriptions/{subscription}/providers/Microsoft.Network/serviceTags/Public",
                "type": "Microsoft.Network/serviceTags",
                "cloud": "Public",
                "values": estate.document.get("serviceTags", []),
            },
        )
    return _object_or_list(world, path, query, base_url)


def _seen(world: World, by: str, bodies: list[Json]) -> list[Json]:
    """Return what an index knows.

    `hidden` says of `graph`, `arm`, `subscriptions` and `groups` the ids that they lack (a regular expression).
    """
    pattern = world.hidden.get(by)
    return [body for body in bodies if pattern is None or not re.search(pattern, body["id"], re.IGNORECASE)]


def _object_or_list(world: World, path: str, query: dict[str, str], base_url: str) -> Answer:
    estate, parts = world.estate, ids.segments(path)
    last = max((i for i, part in enumerate(parts) if part.lower() == "providers"), default=-1)
    if (len(parts) - last) % 2 == 0:  # …/providers/Namespace/type/name: one object
        body = estate.get(path)
        if body is None:
            return error(
                404,
                "ResourceNotFound",
                f"The Resource '{'/'.join(parts[last + 1 :])}' under resource group was not found.",
            )
        fault = world.fault(f"OBJECT {path}")
        return Answer(200, body if fault is None else ITEM[fault["do"]](body))
    parent = "/" + "/".join(parts[:-1] if len(parts) - last > 3 else parts[:last])
    is_resource = "providers" in parent.lower()
    if is_resource and estate.get(parent) is None and not _is_virtual(parent):
        return error(
            404,
            "ParentResourceNotFound",
            f"Can not perform requested operation on nested resource. Parent resource '{parent}' not found.",
        )
    return _page(world, path, estate.listed(path), query, base_url)


def _is_virtual(parent: str) -> bool:
    """Whether a path is one that exists with its owner: a storage service, a configuration section."""
    return re.search(r"(?i)/(\w+services/default|config/\w+)$", parent) is not None


def _page(world: World, path: str, items: list[Json], query: dict[str, str], base_url: str) -> Answer:
    start = int(query.get("$skiptoken", "0"))
    page: dict[str, Json] = {"value": items[start : start + world.page_size]}
    if start + world.page_size < len(items):
        kept = "&".join(f"{name}={quote(value)}" for name, value in query.items() if name != "$skiptoken")
        page["nextLink"] = f"{base_url}{quote(path)}?{kept}&$skiptoken={start + world.page_size}"
    fault = world.fault(f"PAGE {path} {start}")
    if fault:
        _disturb(page, fault, f"{base_url}{quote(path)}?api-version={query['api-version']}")
    return Answer(200, page)


def _disturb(page: dict[str, Json], fault: dict[str, Json], own: str) -> None:
    match fault["do"]:
        case name if name in LINK:
            page["nextLink"] = LINK[name](own)
        case name if name in ITEM:
            page["value"] = spoil(page["value"], fault)
        case "endless":
            page["nextLink"] = f"{own}&$skiptoken=0&page={time.monotonic_ns()}"
            page["value"] = []
        case "empty-page":
            page.update(nextLink=f"{own}&$skiptoken=0", value=[])
        case "foreign-link":
            page["nextLink"] = fault["url"]
        case "repeat":
            page["value"] = [*page["value"], *page["value"]]
        case "not-a-list":
            del page["value"]
        case "odd-items":
            page["value"] = [*page["value"], "text", None]
        case _:
            raise AssertionError(fault)


def _graph(world: World, body: Json) -> Answer:
    options = body.get("options", {})
    visible = {one["subscriptionId"].lower() for one in world.estate.subscriptions}
    subscriptions = body.get("subscriptions", visible)
    if not visible & {text.lower() for text in subscriptions}:
        return error(
            403,
            "AuthorizationFailed",
            "Not authorized to perform action 'Microsoft.ResourceGraph/resources/read' over scope '/'.",
        )
    try:
        known = _seen(world, "graph", world.estate.rows(subscriptions))
        containers = [
            {"id": f"/subscriptions/{name}", "type": "microsoft.resources/subscriptions", "subscriptionId": name}
            for name in sorted(visible)
        ]
        tables = {"resources": known, "resourcecontainers": _seen(world, "graph", containers)}
        rows = evaluate(body["query"], tables, world.graph_columns)
    except QueryError as problem:
        message = "Please provide below info when asking for support: timestamp = …, correlationId = …."
        return error(400, "BadRequest", message, details=[{"code": problem.code, "message": str(problem)}])
    fault = world.fault(f"ROWS {body['query']}") or {"do": None}
    total, what = len(rows), fault["do"]
    start = int(options.get("$skipToken", "0"))
    page = _disturbed(rows[start : start + min(options.get("$top", 100), world.graph_page_size)], fault)
    truncated = "true" if what == "truncated" else "false"
    size = len(orjson.dumps(page))
    if size > world.graph_bytes:
        message = f"Response payload size is {size}, and has exceeded the limit of {world.graph_bytes}."
        return error(
            400, "BadRequest", "see details", details=[{"code": "ResponsePayloadTooLarge", "message": message}]
        )
    answer = {"totalRecords": total, "count": len(page), "data": page, "facets": [], "resultTruncated": truncated}
    if what == "token-number":
        answer["$skipToken"] = 7
    elif what == "endless-tokens":
        answer["$skipToken"] = f"{start}{time.monotonic_ns()}"
    elif start + len(page) < total and what is None:
        answer["$skipToken"] = str(start + len(page))
    return Answer(200, answer)


def _disturbed(page: list[Json], fault: dict[str, Json]) -> list[Json]:
    """Return the rows of a query with a fault; those that are no resources (counts) stay."""
    match fault["do"]:
        case name if name in ITEM and page and "id" in page[0]:
            return spoil(page, fault)
        case "token-number" | "lose-rows":
            return page[:-1]
        case "repeat-rows":
            return [*page, *page[:1]]
    return page


def _management_group(estate: Estate, name: str) -> Answer:
    for group in estate.document.get("managementGroups", []):
        if group["name"].lower() == name:
            return Answer(200, group)
    return error(
        403,
        "AuthorizationFailed",
        f"Not authorized to perform action 'Microsoft.Management/managementGroups/read' over scope '{name}'.",
    )


def _events(estate: Estate, chosen: str) -> list[Json]:
    found = re.fullmatch(
        r"eventTimestamp ge '(.+?)' and eventTimestamp le '(.+?)' and resourceProvider eq '(.+?)'", chosen
    )
    if found is None:
        raise error(400, "BadRequest", "The filter is not one that the activity log takes.")
    start, end, namespace = found.groups()
    return [
        event
        for event in estate.document.get("events", [])
        if start <= event["eventTimestamp"] <= end
        and event["resourceProviderName"]["value"].lower() == namespace.lower()
    ]


def _directory(world: World, body: Json) -> Answer:
    known = {entry["id"].lower(): entry for entry in world.estate.document.get("directory", [])}
    return Answer(200, {"value": [known[one.lower()] for one in body["ids"] if one.lower() in known]})
