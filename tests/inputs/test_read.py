from __future__ import annotations

import gzip
import io
import json
import os
import random
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import zstandard

from auditor.errors import InputError
from auditor.inputs import read
from auditor.model import Gap
from auditor.snapshot import file
from auditor.snapshot.model import ANY_TYPE
from tests.conftest import ReadDocument
from tests.estates.accounts import account, resource


def dump(value: Any) -> bytes:
    return json.dumps(value).encode()


def as_resource_graph(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    added = {"subscriptionId": "00000000-0000-0000-0000-0000000000a1", "resourceGroup": "rg-chat", "tenantId": "t"}
    nothing = {"plan": None, "zones": None, "kind": "", "managedBy": ""}
    return [{**nothing, **item, "type": item["type"].lower(), **added} for item in items]


SHAPES: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "array": dump,
    "resources": lambda items: dump({"resources": items}),
    "ARM list": lambda items: dump({"value": items}),
    "Resource Graph": lambda items: dump({"data": as_resource_graph(items), "totalRecords": len(items)}),
    "lines": lambda items: b"\n".join(map(dump, items)),
    "lines, CRLF and blank": lambda items: b"\r\n\r\n".join(map(dump, items)) + b"\r\n",
    "indented": lambda items: json.dumps(items, indent=2, ensure_ascii=False).encode(),
    "gzip": lambda items: gzip.compress(dump(items)),
    "gzip in two members": lambda items: gzip.compress(dump(items)[:999]) + gzip.compress(dump(items)[999:]),
    "zstd": lambda items: zstandard.compress(dump(items)),
    "byte order mark": lambda items: b"\xef\xbb\xbf" + dump(items),
    "UTF-16": lambda items: json.dumps(items).encode("utf-16"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_rows(
    shape: str, chat_document: dict[str, Any], read_document: ReadDocument
) -> None:
    expected = read_document(chat_document)
    assert read_document(SHAPES[shape](chat_document["resources"])).resources == expected.resources


def test_metadata_of_an_export_is_kept(chat_document: dict[str, Any], read_document: ReadDocument) -> None:
    metadata = read_document({**chat_document, "complete": True}).metadata
    assert metadata.judge_at == "2024-02-20T12:00:00Z"
    assert metadata.complete
    assert metadata.tenant_id == chat_document["tenantId"]
    assert metadata.subscription_names == {"00000000-0000-0000-0000-0000000000a1": "sub-chat-prod"}


def test_gaps_of_an_export_are_kept(read_document: ReadDocument) -> None:
    gap = {"scope": account()["id"], "what": "Microsoft.Insights/diagnosticSettings", "reason": "forbidden"}
    snapshot = read_document({"resources": [account()], "gaps": [{**gap, "permission": "x/read"}]})
    assert snapshot.gaps == [Gap(permission="x/read", **gap)]


@pytest.mark.parametrize(
    "document",
    [
        {"value": [account()], "nextLink": "https://management.azure.com/next"},
        {"data": [account()], "resultTruncated": "true"},
        {"data": [account()], "$skipToken": "abc"},
        {"data": [account()], "count": 1, "total_records": 2, "skip_token": None},
    ],
)
def test_a_part_of_an_answer_shows_as_a_gap(document: dict[str, Any], read_document: ReadDocument) -> None:
    assert [(gap.scope, gap.what) for gap in read_document(document).gaps] == [("/", ANY_TYPE)]


REFUSED = {
    "is empty": b"",
    "is empty ": b" \n\t\n",
    "HTML": b"<!DOCTYPE html><html></html>",
    "unexpected end of data": dump([account(), account("st2")])[:-40],
    "cut off": gzip.compress(dump([account()] * 50))[:-30],
    "cut off ": zstandard.compress(dump([account()] * 50))[:-30],
    "padding": gzip.compress(b"[" + b" " * (70 << 20)),
    "nested deeper": b"[" * 200_000 + b"]" * 200_000,
    "single JSON value": b"42",
    "unknown shape": b'{"hello": "world"}',
    "resource 1 is a string": b'["a", "b"]',
    "nothing is in scope": b"[]",
    "nothing is in scope ": b'{"value": []}',
    "AuthorizationFailed": b'{"error": {"code": "AuthorizationFailed", "message": "no"}}',
    "not JSON": random.Random(1).randbytes(4096),  # noqa: S311 - noise
    "longer or shorter": b'{"data": {"columns": [{"name": "id"}], "rows": [["a", "b"]]}}',
    "it is no list": b'{"resources": {}}',
    "neither true nor false": dump({"resources": [account()], "complete": "yes"}),
    "no ISO 8601": dump({"resources": [account()], "source": {"snapshotAt": "yesterday"}}),
    "gap that cannot": dump({"resources": [account()], "gaps": [{"scope": "/"}]}),
    "no list": dump({"resources": [account()], "gaps": "none"}),
    "resource 2 has no id": dump([account(), {"type": "Microsoft.Storage/storageAccounts"}]),
    "'not/an/id'": dump([{**account(), "id": "not/an/id"}]),
    r"\\x1b": dump([{**account(), "id": "\x1b[31m\n"}]),
    "no ARM id": dump([{**account(), "id": {"a": 1}}]),
    "has no type": dump([{"id": "/subscriptions/x/foo"}]),
    "line 2": dump(account()) + b"\n{bad\n",
    "under `resources`": dump([{**account(), "resources": [{"name": "x"}]}]),
}


@pytest.mark.parametrize("problem", REFUSED)
def test_what_is_no_estate_is_refused_in_one_line(problem: str, read_document: ReadDocument) -> None:
    with pytest.raises(InputError, match=problem.strip()) as caught:
        read_document(REFUSED[problem])
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert caught.value.hint


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read.read(tmp_path / "nowhere.json")
    with pytest.raises(InputError, match="is a folder"):
        read.read(tmp_path)


def test_values_of_a_wrong_shape_stay_as_they_are(read_document: ReadDocument) -> None:
    odd = [resource("Microsoft.Network/virtualNetworks", name, value) for name, value in {"a": "oops", "b": []}.items()]
    odd.append(resource("Microsoft.Network/virtualNetworks", "c", {"subnets": {"x": 1}}, sku="Standard"))
    odd.append(resource("Microsoft.Network/virtualNetworks", "d", {"subnets": [None, "text", {}, {"id": 5}]}))
    bodies = [row.body for row in read_document(odd).resources]
    assert bodies == odd


def test_null_is_absence(read_document: ReadDocument) -> None:
    (row,) = read_document([{**account(), "sku": None, "identity": None, "tags": None}]).resources
    assert set(row.body) == {"id", "name", "type", "kind", "location", "properties"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("9" * 5000, 1.7976931348623157e308),
        ("-1e999", -1.7976931348623157e308),
        (r'"a\ud800b"', "a�b"),
        (r'"\ud83d\ude00 \\ud800 NaN \ud800"', "\U0001f600 \\ud800 NaN �"),
    ],
)
def test_harmless_deviations_from_json_are_read(text: str, value: object, read_document: ReadDocument) -> None:
    document = dump([account(x="HERE")]).replace(b'"HERE"', text.encode())
    assert read_document(document).resources[0].properties["x"] == value


@pytest.mark.parametrize("levels", [250, 3000])
def test_nesting_too_deep_to_keep_is_a_gap_in_the_property(levels: int, read_document: ReadDocument) -> None:
    document = dump([account(x="HERE")]).replace(b'"HERE"', b'{"a":' * levels + b"1" + b"}" * levels)
    snapshot = read_document(document)
    assert [(gap.scope, gap.what) for gap in snapshot.gaps] == [(account()["id"], "properties.x")]


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, read_document: ReadDocument) -> None:
    expected = read_document([account()])
    file.write(expected, tmp_path / "snapshot")
    for data in (dump([account()]), gzip.compress(dump([account()])), (tmp_path / "snapshot").read_bytes()):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
        assert read.read("-") == expected


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(dump([account()]),))
    writer.start()
    assert len(read.read(pipe).resources) == 1
    writer.join()
