"""Answers of ARM: single objects, and lists over their pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit

from msgspec import Struct, field

from auditor import resource_id as ids
from auditor.collect.arm.refusals import Kind, Refusal, Refused
from auditor.collect.options import Budgets

_LONGEST_LINK: Final = 32768


class Response(Struct, frozen=True):
    """The decoded body of a call, the API version that gave it, when it came (ISO 8601, UTC), and its bytes."""

    value: object
    api_version: str
    at: str
    size: int = 0


class ListAnswer(Struct):
    """All items of a list, each id once; `refusal` says why the list may not be whole."""

    items: list[dict[str, object]] = field(default_factory=list)
    api_version: str = ""
    at: str = ""
    refusal: Refusal | None = None


class ListBudget:
    """Counts what a list has cost; a list without end is cut off."""

    def __init__(self, budgets: Budgets, now: Callable[[], float]) -> None:
        self._budgets, self._now = budgets, now
        self._began, self._pages, self._bytes = now(), 0, 0

    def take(self, size: int) -> None:
        """Count a page."""
        self._pages += 1
        self._bytes += size

    def check(self) -> None:
        """Raise `Refused` where the list may have no further page."""
        budgets = self._budgets
        for what, is_spent in (
            (f"{budgets.list_pages:,} pages", self._pages >= budgets.list_pages),
            (f"{budgets.list_bytes:,} bytes", self._bytes >= budgets.list_bytes),
            (f"{budgets.list_seconds:,.0f} seconds", self._now() - self._began >= budgets.list_seconds),
        ):
            if is_spent:
                raise Refused(Refusal(Kind.SPENT, message=f"the list goes on after {what}"))


def take_page(body: object, listing: ListAnswer, seen: set[str]) -> str | None:
    """Add the items of a page to the listing and return the link to the next one."""
    items = body.get("value") if isinstance(body, Mapping) else None
    if not isinstance(body, Mapping) or not isinstance(items, list):
        listing.refusal = Refusal(Kind.FAILED, 200, message="the answer is not a list")
        return None
    for item in items:
        if not isinstance(item, dict):
            listing.refusal = Refusal(Kind.FAILED, 200, message="the list holds something that is not an object")
            continue
        own_id = item.get("id")
        if isinstance(own_id, str):
            if ids.key(own_id) in seen:
                continue
            seen.add(ids.key(own_id))
        listing.items.append(item)
    link = body.get("nextLink")
    if link is None or link == "":
        return None
    if isinstance(link, str):
        return link
    listing.refusal = Refusal(Kind.CUT, 200, message="the link to the next page is no text")
    return None


def next_page(arm: str, path: str, link: str, seen: set[str]) -> str:
    """Return the URL of a list's next page; raise `Refused` where the link leads anywhere but on in the same list.

    Links go with the token, to an address that an answer chose: another host, another path or another port is cut off,
    and so is a link that was followed before (`seen` keeps them).
    """
    try:
        url = urljoin(arm + path, link).replace("{", "%7B").replace("}", "%7D")
        parts, own = urlsplit(url), urlsplit(arm + path)
        is_here = origin(url) == origin(arm)
    except ValueError:
        raise Refused(Refusal(Kind.CUT, message="the link to the next page is no address")) from None
    if not is_here:
        raise Refused(Refusal(Kind.CUT, message=f"the next page lies at another host: {parts.netloc[:100]}"))
    if _plain(parts.path) != _plain(own.path):
        raise Refused(Refusal(Kind.CUT, message="the link to the next page leads to something else"))
    if len(url) > _LONGEST_LINK or not url.isascii() or not url.isprintable():
        raise Refused(Refusal(Kind.CUT, message="the link to the next page is no address"))
    if url in seen:
        raise Refused(Refusal(Kind.CUT, message="the next page is one that was already read"))
    seen.add(url)
    return url


def _plain(path: str) -> str:
    return unquote(path).rstrip("/").lower()


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a URL, comparable; ValueError where it has none that could be."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or (443 if scheme == "https" else 80)
