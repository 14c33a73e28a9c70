"""Read answers within bounds: so many seconds from the request to the last byte, and so many bytes.

A timeout of the libraries below only bounds the silence between two bytes: an answer of one byte a second would never
end, in its headers or in its body.
"""

from __future__ import annotations

import http.client
import io
import os
import socket
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers, get_environ_proxies, requote_uri, select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.poolmanager import PoolManager
from urllib3.response import HTTPResponse

from auditor.collect.arm.refusals import Kind, Refusal, Refused
from auditor.errors import CollectionError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CHUNK: Final = 1 << 16
_COMMON: Final = {"Accept-Encoding": "gzip, deflate", "Connection": "keep-alive"}
"""Headers of every request; what else a request says, it says itself."""


def session_for(url: str, *, connections: int = 1, seconds: float, most_bytes: int) -> requests.Session:
    """Return a session for the host of a URL, with the environment's proxy for it.

    The proxies are looked up once, not for each of many thousand calls, and `.netrc` is not read: a password there would
    take the place of the token. Raises `CollectionError` where a proxy would see everything in clear.
    """
    session = PlainSession()
    session.trust_env = False
    session.verify = trusted_authorities()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    if proxy := proxy_in_clear(url):
        raise CollectionError(
            f"The proxy {proxy} would see the token in clear text: {urlsplit(url).netloc} is not https.",
            f"set NO_PROXY={urlsplit(url).hostname}",
        )
    session.proxies.update(get_environ_proxies(url, no_proxy=None))
    adapter = BoundedAdapter(connections, seconds, most_bytes)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def trusted_authorities() -> str | bool:
    """Return the file of certificate authorities that the environment names, else True: those that come along."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True


def proxy_in_clear(url: str) -> str | None:
    """Return the host of the environment's proxy that would read what goes to a URL without TLS, or None."""
    if urlsplit(url).scheme == "https":
        return None
    proxy = select_proxy(url, get_environ_proxies(url, no_proxy=None))
    return (urlsplit(proxy).hostname or "of the environment") if proxy else None


class PlainSession(requests.Session):
    """Sends what is ready to be sent.

    requests would merge cookies, hooks, parameters and the environment's settings into each request, none of which we
    have: that takes longer than the sending itself.
    """

    def request(  # type: ignore[override]  # fewer ways than requests offers, the only ones that are used
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | str | None = None,
        timeout: float | tuple[float, float] | None = None,
        verify: bool | str | None = None,
        cert: str | tuple[str, str] | None = None,
        **_: object,
    ) -> requests.Response:
        """Send one request; redirects are not followed."""
        prepared = requests.PreparedRequest()
        content = data.encode() if isinstance(data, str) else data
        prepared.method, prepared.url, prepared.body = method, requote_uri(url), content
        prepared.headers = CaseInsensitiveDict({**_COMMON, **(headers or {})})
        if content is not None:
            prepared.headers["Content-Length"] = str(len(content))
        return self.get_adapter(url).send(
            prepared,
            timeout=timeout,
            verify=verify if verify is not None else trusted_authorities(),
            cert=cert,
            proxies=self.proxies,
        )


class BoundedAdapter(HTTPAdapter):
    """Sends requests and returns answers that are read to their end, or raises where they go beyond the bounds.

    Redirects are never followed, and cookies never kept: where a request goes is not for an answer to say.
    """

    def __init__(self, connections: int, seconds: float, most_bytes: int) -> None:
        self._pools = _pools(seconds)
        self._most_bytes = most_bytes
        self._connections: dict[tuple[object, ...], ConnectionPool] = {}
        super().__init__(pool_connections=4, pool_maxsize=connections, max_retries=0)

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,  # noqa: FBT001 - as requests calls it
        proxies: Mapping[str, str] | None = None,
        cert: str | tuple[str, str] | None = None,
    ) -> ConnectionPool:
        """Return the connections to a request's host, which are the same for all of its requests."""
        place = "/".join((request.url or "").split("/", 3)[:3])
        key = (place, verify, cert, *sorted((proxies or {}).items()))
        if key not in self._connections:
            pool = super().get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
            self._connections[key] = pool
        return self._connections[key]

    def close(self) -> None:
        """Close all connections."""
        self._connections.clear()
        super().close()

    def init_poolmanager(
        self,
        connections: int,
        maxsize: int,
        block: bool = False,  # noqa: FBT001, FBT002 - as requests calls it
        **options: object,
    ) -> None:
        """Open the pool for requests without a proxy; its connections watch the time."""
        super().init_poolmanager(connections, maxsize, block, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: object) -> PoolManager:
        """Return the pool for a proxy, whose connections watch the time, too."""
        manager: PoolManager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def send(  # noqa: PLR0917 - as requests calls it
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002, FBT001, FBT002 - as above
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,  # noqa: FBT001, FBT002 - as above
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send a request and read its answer to the end.

        Raises `Refused` where it has too many bytes, and one of requests' errors for everything else that goes wrong.
        """
        try:
            response = super().send(request, stream=True, timeout=timeout, verify=verify, cert=cert, proxies=proxies)
        except requests.RequestException:
            raise
        except (HTTPError, http.client.HTTPException, OSError, ValueError) as error:
            raise requests.ConnectionError(error, request=request) from error
        content = self._read(response, request)
        response.raw = _Whole(content)
        for name in ("Location", "Set-Cookie"):
            response.headers.pop(name, None)
        return response

    def build_response(self, req: requests.PreparedRequest, resp: HTTPResponse) -> requests.Response:  # type: ignore[override]
        """Return an answer without looking for cookies in it."""
        response = requests.Response()
        response.status_code = resp.status
        response.headers = CaseInsensitiveDict(resp.headers)
        response.encoding = get_encoding_from_headers(response.headers)
        response.raw, response.reason = resp, resp.reason or ""
        response.request = req
        return response

    def _read(self, response: requests.Response, request: requests.PreparedRequest) -> bytes:
        content = bytearray()
        try:
            for chunk in response.raw.stream(_CHUNK, decode_content=True):
                content += chunk
                if len(content) > self._most_bytes:
                    break
        except (HTTPError, http.client.HTTPException, OSError, ValueError) as error:
            response.raw.close()
            raise requests.ConnectionError(error, request=request) from error
        if len(content) > self._most_bytes:
            response.raw.close()
            message = f"the answer has more than {self._most_bytes:,} bytes"
            raise Refused(Refusal(Kind.TOO_LARGE, response.status_code, message=message))
        response.raw.release_conn()
        return bytes(content)


class _Whole(io.BytesIO):
    """The content of an answer that was read to its end, in the place of the connection that it came by."""


class _Watched(io.RawIOBase):
    """What a socket sends until a time; TimeoutError after it."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, seconds: float) -> None:
        super().__init__()
        self._raw, self._sock = raw, sock
        self._patience = sock.gettimeout()
        self._until = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        self._sock.settimeout(left if self._patience is None else min(self._patience, left))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _pools(seconds: float) -> dict[str, type[HTTPConnectionPool]]:
    """Return the classes of connection pools, by scheme, of which each answer may take some seconds."""

    class WatchedResponse(http.client.HTTPResponse):
        """An answer, its status line and headers included, that must come in time."""

        def __init__(
            self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
        ) -> None:
            super().__init__(sock, debuglevel, method, url)
            self.fp = io.BufferedReader(_Watched(self.fp.detach(), sock, seconds))

    class Plain(HTTPConnection):
        response_class = WatchedResponse

    class Secure(HTTPSConnection):
        response_class = WatchedResponse

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
