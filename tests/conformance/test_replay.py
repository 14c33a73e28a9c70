"""What Azure really answered, and what its documentation shows, goes through the session without loss."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from auditor import resource_id as ids
from auditor.collect.arm.client import Arm
from auditor.collect.arm.refusals import Kind, Refused
from auditor.collect.arm.session import open_session
from auditor.collect.operations import SHIPPED
from auditor.collect.options import Auth, CollectOptions
from auditor.collect.sources.contract import shaped
from tests.collect.conftest import AMPLE, QUICK, estate
from tests.conformance.material import SHARED
from tests.simulator.client import Simulator

_NOT_OURS = {"content-length", "content-encoding", "transfer-encoding", "connection", "content-type", "date"}


@dataclass(frozen=True)
class Recorded:
    """One answer: where it was given, and what it was."""

    name: str
    path: str
    api_version: str
    status: int
    headers: dict[str, str]
    body: Any
    next: int | None = None


@pytest.fixture
def replay(simulator: Simulator, tmp_path: Path) -> Iterator[Callable[[list[Recorded]], Arm]]:
    """Serve recorded answers; the number of each is asked for in the query."""
    opened: list[Arm] = []

    def serve(answers: list[Recorded]) -> Arm:
        served = [{"status": one.status, "headers": one.headers, "body": one.body, "next": one.next} for one in answers]
        (tmp_path / "replay.json").write_text(json.dumps(served))
        simulator.serve(estate(), replay=str(tmp_path / "replay.json"))
        ample = AMPLE.__class__(1e6, 1e6, 1e6, 1e6)
        options = CollectOptions(
            auth=Auth.MANAGED_IDENTITY,
            arm_endpoint=simulator.url,
            retry=QUICK,
            threads=8,
            quota_share=1.0,
            quotas=ample,
        )
        opened.append(open_session(options, None).arm)
        return opened[-1]

    yield serve
    for arm in opened:
        arm.close()


def examples() -> list[Recorded]:
    folder = SHARED / "data" / "rest-examples"
    found = []
    for entry in json.loads((folder / "MANIFEST.json").read_bytes())["files"]:
        if entry["method"] != "GET":
            continue
        body = json.loads((folder / entry["file"]).read_bytes())["responses"]["200"]["body"]
        if entry["url"] and entry["url"].endswith("/list"):
            continue  # the form that brings secrets; it is never asked
        path = (entry["url"] or f"/example/{entry['operation']}").replace("{", "").replace("}", "")
        found.append(Recorded(entry["file"], "/" + path.lstrip("/"), entry["api_version"], 200, {}, body))
    return found


def recordings() -> list[Recorded]:
    folder = SHARED / "data" / "recordings"
    found: list[Recorded] = []
    seen: set[str] = set()
    for file in sorted(folder.glob("*/*.json")):
        places: dict[str, int] = {}
        for one in json.loads(file.read_bytes())["interactions"]:
            body = one["response"]["body"]
            data = body.get("data") if isinstance(body, dict) else None
            text = json.dumps(data)
            parts = urlsplit(one["request"]["uri"])
            if (
                one["request"]["method"] != "GET"
                or not isinstance(data, dict)
                or text in seen
                or parts.hostname != "management.azure.com"
            ):
                continue
            seen.add(text)
            headers = {
                name: _text(value)
                for name, value in one["response"].get("headers", {}).items()
                if name.lower() not in _NOT_OURS
            }
            version = parse_qs(parts.query).get("api-version", ["1"])[0]
            places[_place(one["request"]["uri"])] = len(found)
            found.append(
                Recorded(
                    f"{file.name} {parts.path}", parts.path, version, one["response"]["status"]["code"], headers, data
                )
            )
        found = [_linked(one, places) if one.name.startswith(file.name) else one for one in found]
    return found


def _text(value: Any) -> str:
    return str(value[0] if isinstance(value, list) else value)


def _place(url: str) -> str:
    parts = urlsplit(url)
    return parts.path.lower() + json.dumps(parse_qs(parts.query), sort_keys=True).lower()


def _linked(one: Recorded, places: dict[str, int]) -> Recorded:
    link = one.body.get("nextLink") if isinstance(one.body, dict) else None
    number = places.get(_place(link)) if isinstance(link, str) else None
    return (
        one
        if number is None
        else Recorded(one.name, one.path, one.api_version, one.status, one.headers, one.body, number)
    )


def check(arm: Arm, number: int, recorded: Recorded) -> str | None:
    """Return what is wrong with one answer as the session gives it."""
    value = recorded.body.get("value") if isinstance(recorded.body, dict) else None
    query = {"replay": str(number)}
    if not isinstance(value, list):
        got: Any = arm.get(recorded.path, recorded.api_version, **query).value
        return None if got == recorded.body else f"{recorded.name}: another object came"
    items = arm.list_all(recorded.path, recorded.api_version, **query).items
    expected = [item for item in value if isinstance(item, dict)]
    missing = [item for item in expected if item not in items and not _is_repeated(item, expected)]
    return f"{recorded.name}: {len(missing)} of {len(expected)} items are missing" if missing else None


def _is_repeated(item: dict[str, Any], items: list[dict[str, Any]]) -> bool:
    """Whether the answer itself holds several objects of one id; the first stands for them."""
    return sum(str(other.get("id")).lower() == str(item.get("id")).lower() for other in items) > 1


@pytest.mark.parametrize("source", [examples, recordings])
def test_what_azure_answered_comes_through_whole(
    replay: Callable[[list[Recorded]], Arm], source: Callable[[], list[Recorded]]
) -> None:
    answers = source()
    arm = replay(answers)
    good = [(number, one) for number, one in enumerate(answers) if one.status in {200, 201}]

    with ThreadPoolExecutor(8) as pool:
        wrong = [problem for problem in pool.map(lambda pair: check(arm, *pair), good) if problem]

    assert len(good) > 200
    assert wrong == []
    assert arm.tally.retries == 0


def test_recorded_refusals_are_understood(replay: Callable[[list[Recorded]], Arm]) -> None:
    answers = recordings()
    arm = replay(answers)
    kinds = set()
    for number, one in enumerate(answers):
        if one.status >= 400:
            with pytest.raises(Refused) as caught:
                arm.get(one.path, one.api_version, replay=str(number))
            kinds.add(caught.value.refusal.kind)

    assert kinds <= {Kind.NOT_FOUND, Kind.SIGNED_OUT}
    assert Kind.NOT_FOUND in kinds


def test_items_of_documented_lists_keep_all_they_have() -> None:
    """Completing a whole id and a type adds to an item and takes nothing away."""
    by_type = {operation.yields.lower(): operation for operation in SHIPPED}
    tried = 0
    for recorded in [*examples(), *recordings()]:
        items = recorded.body.get("value") if isinstance(recorded.body, dict) else None
        for item in items if isinstance(items, list) else []:
            operation = by_type.get(str(item.get("type")).lower()) if isinstance(item, dict) else None
            if operation is not None and ids.is_resource_id(item.get("id")):
                tried += 1
                assert shaped(item, recorded.path, operation) == item
    assert tried > 50
