"""A report is the same whatever the order, the nesting and the letter case of the estate that it judges."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import zip_longest
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.model import Report
from tests.audit.judging import judged, written
from tests.e2e.command import sample

Document = dict[str, Any]

_INLINE = {"subnets", "securityRules", "privateEndpointConnections", "virtualNetworkPeerings", "routes"}
_FREE_TEXT = {"tags", "description", "displayName"}
_few = settings(max_examples=8)
_randoms = st.integers(0, 2**32).map(random.Random)


@cache
def _reports() -> tuple[str, str]:
    report = judged(sample())
    return written(report, "json"), written(report, "csv")


def _shuffled(value: Any, rnd: random.Random) -> Any:
    """Shuffle the keys of all objects; lists keep their order."""
    if isinstance(value, dict):
        return {key: _shuffled(value[key], rnd) for key in rnd.sample(list(value), len(value))}
    return [_shuffled(item, rnd) for item in value] if isinstance(value, list) else value


def _replaced(value: Any, change: Callable[[str], str], key: str = "") -> Any:
    """Change the texts of a value, but for free text and names of the estate's own."""
    if key in _FREE_TEXT:
        return value
    if isinstance(value, dict):
        return {(change(k) if k.startswith("/") else k): _replaced(item, change, k) for k, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, change, key) for item in value]
    return change(value) if isinstance(value, str) else value


def _children(body: Document) -> Iterator[tuple[list[Any], Document]]:
    """Yield the lists of children inside a resource, with each child that stands there in full."""
    properties = body["properties"] if isinstance(body.get("properties"), dict) else {}
    for name in _INLINE & properties.keys():
        for child in list(properties[name]):
            if child.get("id", "").lower().startswith(body["id"].lower() + "/") and "properties" in child:
                yield properties[name], child


def _rearranged(document: Document, rnd: random.Random) -> Document:
    """Move children out of their parents or copy them, and children of their own into their parents' `resources`."""
    resources: list[Document] = []
    for body in copy.deepcopy(document["resources"]):
        resources.append(body)
        for siblings, child in _children(body):
            where = rnd.choice(["inside", "apart", "both"])
            if where != "inside":
                resources.append(copy.deepcopy(child))
            if where == "apart":
                siblings.remove(child)
    by_id = {body["id"].lower(): body for body in resources}
    apart = []
    for body in resources:
        parent = by_id.get(body["id"].lower().rsplit("/", 2)[0])
        where = rnd.choice(["inside", "apart", "both"]) if parent else "apart"
        if parent and where != "apart":
            parent.setdefault("resources", []).append(body)
        if where != "inside":
            apart.append(body if where == "apart" else copy.deepcopy(body))
    return {**document, "resources": apart}


@_few
@given(_randoms)
def test_order_and_nesting_change_no_byte(rnd: random.Random) -> None:
    document = sample()
    changed = _rearranged(document, rnd)
    changed["resources"] = rnd.sample(changed["resources"], len(changed["resources"]))
    report = judged(_shuffled(changed, rnd))
    one, other = _reports()
    assert _differences(report) == []
    assert written(report, "json").encode() == one.encode(), "order of keys"
    assert written(report, "csv").encode() == other.encode()


_CASES: dict[str, Callable[[str], str]] = {"lower": str.lower, "upper": str.upper, "swapped": str.swapcase}
_SPELLED: dict[str, Callable[[str], bool]] = {
    "ids": lambda text: text.startswith(("/subscriptions/", "/providers/")),
    "types": lambda text: re.fullmatch(r"Microsoft\.\w+(/\w+)+", text) is not None,
    "enumeration values": lambda text: re.fullmatch(r"[A-Z]\w*", text) is not None,
    "all but dates and numbers": lambda text: not text[:1].isdigit(),
}


def _folded(text: str) -> Any:
    document = json.loads(text.lower())
    del document["snapshot"]["sha256"], document["run_id"]
    return document


def _differences(report: Report) -> list[str]:
    """Return what a report of the sample says otherwise than that of the sample as it is spelled."""
    found, expected = _folded(written(report, "json")), _folded(_reports()[0])
    nothing: Document = {}
    pairs = zip_longest(found.pop("findings"), expected.pop("findings"), fillvalue=nothing)
    unlike = [f"{one.get('rule_id')} {one.get('resource_id')}" for one, other in pairs if one != other]
    return unlike + [name for name in expected if found[name] != expected[name]]


@settings(max_examples=12)
@given(st.sampled_from(sorted(_CASES)), st.sets(st.sampled_from(sorted(_SPELLED)), min_size=1), _randoms)
def test_letter_case_changes_nothing_but_how_data_is_spelled(case: str, what: set[str], rnd: random.Random) -> None:
    recase = _CASES[case]

    def change(text: str) -> str:
        return recase(text) if any(_SPELLED[kind](text) for kind in what) and rnd.random() < 0.8 else text

    assert _differences(judged(_replaced(sample(), change))) == []


def test_property_names_in_lower_case_are_the_same_properties() -> None:
    def lowered(value: Any) -> Any:
        if isinstance(value, dict):
            return {(key if key.startswith("/") else key.lower()): lowered(item) for key, item in value.items()}
        return [lowered(item) for item in value] if isinstance(value, list) else value

    document = sample()
    for body in document["resources"]:
        body.update({key: lowered(body[key]) for key in ("properties", "identity", "sku") if key in body})
    assert _differences(judged(document)) == []
