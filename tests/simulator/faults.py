"""What may be wrong with an answer: its items, its link to the next page, the bytes on the wire."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Body = dict[str, Any]

ELSEWHERE = "00000000-0000-0000-0000-0000000000e9"
"""A subscription that nobody asked for."""


def _other_parent(item: Body) -> Body:
    """Let an item be the child of another parent, or of another subscription where it has none."""
    head, slash, name = str(item.get("id")).rpartition("/")
    owner, _, kind = head.rpartition("/")
    is_child = owner.count("/") > 6
    return {**item, "id": f"{owner}-not/{kind}{slash}{name}"} if is_child else _outside(item)


def _outside(item: Body) -> Body:
    own = str(item.get("id"))
    moved = re.sub(r"(?i)^/subscriptions/[^/]+", f"/subscriptions/{ELSEWHERE}", own)
    return {**item, "id": moved, "subscriptionId": ELSEWHERE}


def _deep(item: Body) -> Body:
    nested: Any = {}
    for _ in range(200):
        nested = {"in": nested}
    return {**item, "properties": nested}


ITEM: dict[str, Callable[[Body], Any]] = {
    "null-properties": lambda item: {**item, "properties": None},
    "no-properties": lambda item: {name: value for name, value in item.items() if name != "properties"},
    "text-properties": lambda item: {**item, "properties": "…"},
    "wrong-type": lambda item: {**item, "type": "Microsoft.Sql/servers"},
    "other-parent": _other_parent,
    "outside": _outside,
    "nameless": lambda item: {name: value for name, value in item.items() if name not in {"id", "name"}},
    "number-as-id": lambda item: {**item, "id": 7, "name": 7},
    "deep": _deep,
    "text": lambda _: "text",
    "null": lambda _: None,
}
"""Faults of one object: of each item of a list, of the rows of a query, or of the object that is the answer."""

LINK: dict[str, Callable[[str], Any]] = {
    "self-link": lambda own: own,
    "link-number": lambda _: 7,
    "link-object": lambda own: {"href": own},
    "link-host": lambda _: "https://elsewhere.invalid/next?api-version=1",
    "link-port": lambda own: re.sub(r":\d+/", ":99999/", own, count=1),
    "link-broken": lambda _: "http://[",
    "link-elsewhere": lambda own: re.sub(r"/subscriptions.*?\?", "/subscriptions?", own, count=1) + "&x=1",
    "link-keys": lambda own: own.replace("?", "/providers/Microsoft.Storage/storageAccounts/s/listKeys?", 1),
    "link-control": lambda own: own + "\x00\n",
    "link-long": lambda own: own + "&x=" + "x" * 100_000,
}
"""Faults of the link to the next page; each function takes the list's own address."""

HEADER: dict[str, dict[str, str]] = {
    "retry-number": {"Retry-After": "9" * 5000},
    "retry-date": {"Retry-After": "Wed, 99 Foo 99999999999 99:99:99 +9999999"},
    "retry-word": {"Retry-After": "soon"},
    "quota-digits": {"x-ms-user-quota-remaining": "\u00b2", "x-ms-ratelimit-remaining-subscription-reads": "\u00b2"},
    "quota-huge": {"x-ms-user-quota-remaining": "1", "x-ms-user-quota-resets-after": "9" * 5000 + ":00:00"},
    "location-broken": {"Location": "http://[", "Content-Location": "http://["},
    "location-port": {"Location": "https://h:99999/"},
    "challenge": {"WWW-Authenticate": 'Bearer claims="%%%", error="insufficient_claims"'},
    "cookie": {"Set-Cookie": "a=b; expires=Never; domain=.com; path=\u00ff"},
    "encoding": {"Content-Encoding": "gzip"},
    "charset": {"Content-Type": "application/json; charset=no-such"},
}
"""Headers that mean nothing, or something that they must not."""


def spoil(items: list[Any], fault: Body) -> list[Any]:
    """Return items with the fault in the last of them, or in all (`all: true`)."""
    change = ITEM[fault["do"]]
    is_all = fault.get("all", False)
    return [change(item) if is_all or number == len(items) - 1 else item for number, item in enumerate(items)]
