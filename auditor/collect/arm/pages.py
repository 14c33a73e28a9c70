"""Answers of ARM: single objects, and lists over their pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from auditor import resource_id as ids
from auditor.collect.arm.refusals import Kind, Refusal


@dataclass(frozen=True, slots=True)
class Response:
    """The decoded body of a call, the API version that gave it, and when it came (ISO 8601, UTC)."""

    value: object
    api_version: str
    at: str


@dataclass(slots=True)
class ListAnswer:
    """All items of a list, each id once; `refusal` says why the list may not be whole."""

    items: list[dict[str, object]] = field(default_factory=list)
    api_version: str = ""
    at: str = ""
    refusal: Refusal | None = None


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
    return link if isinstance(link, str) and link else None
