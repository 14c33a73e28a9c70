"""An account without a host name of its own takes no tokens and serves no private endpoint, through the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import Ended, in_process
from tests.estates.chat import chat_bodies

Body = dict[str, Any]
RULE, MANAGED = "openai-private-endpoint-works", "ml-model-and-search-endpoints-work"


def estate_with(folder: Path, value: object, *, is_read: bool = True) -> Path:
    """Write the chat estate with the account's custom subdomain changed; None takes it away, an Ellipsis leaves it."""
    bodies = chat_bodies()
    for body in bodies:
        if body["type"].lower() == "microsoft.cognitiveservices/accounts":
            if value is None:
                del body["properties"]["customSubDomainName"]
            elif value is not ...:
                body["properties"]["customSubDomainName"] = value
            if not is_read:
                del body["properties"]
    source = folder / "input.json"
    source.write_text(json.dumps(bodies), encoding="utf-8")
    return source


def judged(source: Path, rule: str = RULE) -> Ended:
    words = ("evaluate", source, "--complete", "--include-passed", "--select", rule, "-o", "json")
    return in_process(*words, "--as-of", "2024-02-20T12:00:00Z", at=source.parent)


@pytest.mark.parametrize(("value", "status"), [(..., "pass"), (None, "fail"), ("", "fail")])
def test_a_private_endpoint_needs_the_name(value: object, status: str, tmp_path: Path) -> None:
    (found,) = judged(estate_with(tmp_path, value)).findings
    assert found["status"] == status
    assert ("customSubDomainName" in found["message"]) is (status == "fail")


@pytest.mark.parametrize(("value", "status"), [(..., "pass"), (None, "fail")])
def test_a_managed_endpoint_needs_the_name_as_well(value: object, status: str, tmp_path: Path) -> None:
    found = judged(estate_with(tmp_path, value), MANAGED).findings
    (about,) = [one for one in found if (one["sub_object"] or "").startswith("oai-")]
    assert about["status"] == status
    assert ("customSubDomainName" in about["message"]) is (status == "fail")


def test_whether_it_has_the_name_may_not_have_been_read(tmp_path: Path) -> None:
    (found,) = judged(estate_with(tmp_path, ..., is_read=False)).findings
    assert found["status"] == "unknown"


@pytest.mark.parametrize(("value", "answer"), [(..., "yes"), (None, "no")])
def test_the_private_door_is_shut_without_the_name(value: object, answer: str, tmp_path: Path) -> None:
    source = estate_with(tmp_path, value)
    ends = ("--from", "snet-jumpbox", "--to", "oai-chat01", "--port", "443")
    words = ("network", "query", source, "--complete", *ends)
    (record,) = in_process(*words, "-o", "json", at=tmp_path).report["records"]
    assert {door["answer"] for door in record["doors"] if door["door"] == "private"} == {answer}
