"""A receiver on the loopback that keeps what it is sent, and answers as it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """What came, and what is answered: the statuses in turn, then 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)
    requests: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    taken: list[bytes] = field(default_factory=list)

    @property
    def bodies(self) -> list[Any]:
        """Return what it took, as JSON."""
        return [json.loads(body) for body in self.taken]

    def names(self) -> list[str]:
        """Return the names of the resources that it was told of, in order."""
        return [one["resource_id"].rpartition("/")[2] for body in self.bodies for one in body["findings"]]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver while a test needs it."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.requests.append((dict(self.headers), body))
            status = receiver.statuses.pop(0) if receiver.statuses else 200
            if 200 <= status < 300:
                receiver.taken.append(body)
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook/secret-part"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
