"""Stand-ins on the loopback for the interfaces by which GitHub and Azure DevOps take comments on a pull request."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit


@dataclass
class Comments:
    """What is there, and what was asked: the method and the authorization of each request."""

    comments: list[Any]
    asked: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        """Return a status and a document."""
        raise NotImplementedError(method, path, query, body)


class GitHubComments(Comments):
    """https://docs.github.com/en/rest/issues/comments, of the pull request 7 of o/r."""

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        if body is not None and len(body["body"]) > 65_536:
            return 422, {"message": "body is too long (maximum is 65536 characters)"}
        if path == "/repos/o/r/issues/7/comments" and method == "GET":
            size, page = int(query["per_page"][0]), int(query["page"][0])
            return 200, self.comments[size * (page - 1) : size * page]
        if path == "/repos/o/r/issues/7/comments" and method == "POST":
            self.comments.append({"id": 1000 + len(self.comments), "user": {"type": "Bot"}, **body})
            return 201, self.comments[-1]
        found = re.fullmatch(r"/repos/o/r/issues/comments/(\d+)", path)
        for one in self.comments:
            if found and method == "PATCH" and one["id"] == int(found[1]):
                one.update(body)
                return 200, one
        return 404, {}


class AzureThreads(Comments):
    """https://learn.microsoft.com/rest/api/azure/devops/git/pull-request-threads, and who asks."""

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        threads = "/p/_apis/git/repositories/r/pullRequests/7/threads"
        if path == "/_apis/connectionData":
            # https://learn.microsoft.com/azure/devops/integrate/concepts/rest-api-versioning: it is in preview only
            is_preview = query["api-version"][0].endswith("-preview")
            return (200, {"authenticatedUser": {"id": "me"}}) if is_preview else (400, {})
        if path == threads and method == "GET":
            return 200, {"value": self.comments}
        if path == threads and method == "POST":
            own = [{"id": 1, "author": {"id": "me"}, **one} for one in body["comments"]]
            self.comments.append({"id": len(self.comments) + 1, "comments": own})
            return 200, self.comments[-1]
        found = re.fullmatch(rf"{threads}/(\d+)/comments/1", path)
        if found and method == "PATCH":
            self.comments[int(found[1]) - 1]["comments"][0].update(body)
            return 200, {}
        return 404, {}


class Refusing(Comments):
    """One that takes nothing."""

    def answer(self, *_: Any) -> tuple[int, Any]:
        return 403, {"message": "Resource not accessible by integration"}


Api = TypeVar("Api", bound=Comments)


@contextmanager
def serving(api: Api) -> Iterator[tuple[Api, str]]:
    """Serve while a test needs it."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            api.asked.append((self.command, self.headers.get("Authorization") or ""))
            status, document = api.answer(self.command, parts.path, parse_qs(parts.query), body)
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815 - as http.server calls them

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield api, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
