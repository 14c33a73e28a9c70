"""Post messages to a receiver: signed, within bounds of time and tries, and nowhere but to the address that was given.

What the receiver answers is worth a line to whoever runs us, and never more: an answer is a stranger's text.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import requests
from msgspec import Struct
from requests.utils import get_environ_proxies

from auditor.collect.arm.refusals import Refused
from auditor.collect.arm.transport import BoundedAdapter, trusted_authorities
from auditor.errors import AuditorError
from auditor.notify.shape import Message, Shape
from auditor.shipped import tool_version

SIGNATURE: Final = "X-Auditor-Signature"
DELIVERY: Final = "X-Auditor-Delivery"
_TRIES: Final = 3
_PAUSE: Final = 1.0
"""Seconds before the second try; before the third it is twice that."""
_LONGEST_PAUSE: Final = 10.0
_ANSWER: Final = 10.0
"""Seconds that one answer may take."""
_TOGETHER: Final = 60.0
"""Seconds that all messages of a run may take together."""
_MOST_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is told. The address itself may be a secret, as those of Slack and Teams are: only `place` is shown."""

    url: str = field(repr=False)
    shape: Shape
    key: bytes = field(default=b"", repr=False)
    authorization: str = field(default="", repr=False)

    @property
    def place(self) -> str:
        """Return scheme and host."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}/…"

    @property
    def identity(self) -> str:
        """Return what tells it apart from others, without the address: a hash."""
        return hashlib.sha256(self.url.encode()).hexdigest()

    def headers(self, message: Message) -> dict[str, str]:
        """Return what is posted beside a body; the same body has the same name, so that a receiver can drop a second one."""
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": f"auditor/{tool_version()}",
            DELIVERY: hashlib.sha256(message.body).hexdigest()[:32],
        }
        if self.key:
            headers[SIGNATURE] = f"sha256={hmac.new(self.key, message.body, hashlib.sha256).hexdigest()}"
        if self.authorization:
            headers["Authorization"] = self.authorization
        return headers


class Delivered(Struct, frozen=True):
    """The fingerprints that the receiver was told of, and what went wrong with the others; empty where nothing did."""

    fingerprints: Sequence[str]
    problem: str = ""


def check(receiver: Receiver, *, is_rehearsal: bool) -> None:
    """Refuse an address that would be read by others on the way, and a body that nobody could trust."""
    try:
        parts = urlsplit(receiver.url)
        host, _ = parts.hostname, parts.port
    except ValueError as problem:
        raise AuditorError("--notify: the URL cannot be read") from problem
    if parts.scheme not in {"https", "http"} or not host:
        raise AuditorError("--notify: is no URL", "write https://HOST/PATH")
    if parts.scheme == "http" and not _is_loopback(host):
        raise AuditorError(
            f"--notify: {receiver.place} is not https: findings would go there in clear text", "write https://"
        )
    if parts.username or parts.password:
        raise AuditorError(
            "--notify: holds a user or password in its host part", "give it as AUDITOR_NOTIFY_AUTHORIZATION"
        )
    if receiver.shape.is_signed and not receiver.key and not is_rehearsal:
        raise AuditorError(
            "--notify: there is no key to sign the message with", "set the environment variable AUDITOR_NOTIFY_KEY"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def deliver(receiver: Receiver, messages: Sequence[Message]) -> Delivered:
    """Post messages one after the other; stop at the first that is not taken, for the next would not be either."""
    until = time.monotonic() + _TOGETHER
    told: list[str] = []
    with _session(receiver) as session:
        for message in messages:
            problem = _post(session, receiver, message, until)
            if problem:
                return Delivered(told, problem)
            told += message.fingerprints
    return Delivered(told)


def _session(receiver: Receiver) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # a password in .netrc is nobody's business
    session.verify = trusted_authorities()
    if urlsplit(receiver.url).scheme == "https":
        session.proxies.update(get_environ_proxies(receiver.url, no_proxy=None))
    adapter = BoundedAdapter(1, _ANSWER, _MOST_BYTES)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _post(session: requests.Session, receiver: Receiver, message: Message, until: float) -> str:
    """Post one message and return what went wrong, or nothing."""
    problem = ""
    for number in range(_TRIES):
        pause = _PAUSE * 2 ** (number - 1) if number else 0.0
        if time.monotonic() + pause >= until:
            return problem or "it takes too long"
        time.sleep(pause)
        try:
            answer = session.post(
                receiver.url,
                data=message.body,
                headers=receiver.headers(message),
                timeout=(_ANSWER, _ANSWER),
                allow_redirects=False,
            )
        except (requests.RequestException, Refused) as error:
            problem = _told(error)
            continue
        if answer.ok and not answer.is_redirect and answer.status_code < 300:
            return ""
        problem = f"it answered {answer.status_code}"
        if 300 <= answer.status_code < 400:
            return f"{problem}, a redirect, which is not followed"
        if answer.status_code not in {408, 425, 429} and answer.status_code < 500:
            return problem
        time.sleep(min(_asked_pause(answer), _LONGEST_PAUSE, max(0.0, until - time.monotonic())))
    return f"{problem}, {_TRIES} times"


def _asked_pause(answer: requests.Response) -> float:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() and len(text) < 6 else 0.0


def _told(error: Exception) -> str:
    """Say what happened without the address, which requests would quote."""
    match error:
        case requests.exceptions.SSLError():
            return "its certificate is not trusted"
        case requests.Timeout():
            return "it does not answer in time"
        case requests.ConnectionError():
            return "it cannot be reached"
        case Refused():
            return "its answer is too long"
        case _:
            return type(error).__name__
