"""What is too long to be held as values is held as text, and says the same in every way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import audit
from auditor.errors import InputError
from auditor.inputs import exports
from auditor.inputs.read import imported, read
from auditor.redaction.body import Redactor
from auditor.rulebook import in_force
from auditor.snapshot import bodies, file, rows
from auditor.snapshot.json_text import decoded, with_raw_rows
from auditor.snapshot.model import Snapshot
from benchmarks import estate
from tests.redaction.planted import PLACES, secrets

Shape = Callable[[list[dict[str, Any]]], bytes]
SHAPES: dict[str, Shape] = {
    "resources": lambda listed: orjson.dumps({"complete": True, "resources": listed, "subscriptions": [{"a": {}}]}),
    "a list": orjson.dumps,
    "as people print it": lambda listed: json.dumps(listed, indent=2).encode(),
    "Resource Graph": lambda listed: json.dumps({"count": len(listed), "data": listed, "skip_token": None}).encode(),
    "lines": lambda listed: b"\n".join(map(orjson.dumps, listed)),
}


@pytest.fixture
def everything_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "LONG", 0)
    monkeypatch.setattr(rows, "LARGE", 0)
    monkeypatch.setattr(bodies, "_REMEMBERED", 2_000)  # so that most bodies are decoded anew


def both(path: Path, monkeypatch: pytest.MonkeyPatch, redactor: Redactor) -> tuple[Snapshot, Snapshot]:
    with monkeypatch.context() as patched:
        patched.setattr(exports, "LONG", 1 << 40)
        short = read(path, redactor=redactor)
    return short, read(path, redactor=redactor)


@pytest.mark.usefixtures("everything_is_long")
@pytest.mark.parametrize("shape", SHAPES)
def test_an_estate_is_the_same(
    shape: str, chat_document: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "estate.json"
    path.write_bytes(SHAPES[shape](chat_document["resources"]))

    short, long = both(path, monkeypatch, Redactor(b"k" * 16))

    assert long == short
    assert [list(row.body) for row in long.resources] == [list(row.body) for row in short.resources]
    assert all(row.held.content for row in long.resources)


@pytest.mark.usefixtures("everything_is_long")
def test_an_export_with_children_and_copies_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n"
    subnet = {"id": f"{network}/subnets/a", "name": "a", "properties": {"addressPrefix": "10.0.0.0/24"}}
    listed = [
        {"id": network, "type": "Microsoft.Network/virtualNetworks", "properties": {"subnets": [subnet]}},
        {**subnet, "type": "Microsoft.Network/virtualNetworks/subnets", "properties": {"natGateway": None}},
        {"id": network.upper(), "type": "Microsoft.Network/virtualNetworks", "properties": {"x": "@{a=b}"}},
        {"id": f"{network}2", "type": "Microsoft.Network/virtualNetworks", "resourceGroup": "g", "subnets": []},
        {"ResourceId": f"{network}3", "ResourceType": "Microsoft.Network/virtualNetworks", "Properties": {}},
    ]
    path = tmp_path / "estate.json"
    path.write_bytes(orjson.dumps(listed))

    short, long = both(path, monkeypatch, Redactor())

    assert long == short


@pytest.mark.usefixtures("everything_is_long")
@pytest.mark.parametrize("between", [b",", b"\n"])
def test_a_member_that_is_there_twice_is_read_as_in_a_short_export(
    between: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        b'{"id": "/subscriptions/s/providers/M.X/y/%d", "type": "M.X/y", "properties": {"a": 1, "a": %d}}'
        % (number, number)
        for number in range(3)
    ]
    path = tmp_path / "estate.json"
    path.write_bytes(b"[%s]" % between.join(rows) if between == b"," else between.join(rows))

    short, long = both(path, monkeypatch, Redactor())

    assert long == short
    assert [row.properties for row in long.resources] == [{}, {"a": 1}, {}]  # which of two that differ is not known
    assert long.gaps


@pytest.mark.usefixtures("everything_is_long")
def test_no_secret_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [
        {**place(number, secret.text), "id": f"/subscriptions/s/providers/M.X/y/{number}-{name}", "type": "M.X/y"}
        for number, secret in enumerate(secrets(4))
        for name, place in PLACES.items()
    ]
    path = tmp_path / "estate.json"
    path.write_bytes(orjson.dumps(listed))

    short, long = both(path, monkeypatch, Redactor())

    assert long == short
    kept = orjson.dumps([row.body for row in long.resources]).decode()
    assert [part for secret in secrets(4) for part in secret.parts if part in kept] == []


@pytest.mark.usefixtures("everything_is_long")
def test_a_snapshot_file_says_the_same(chat_document: dict[str, Any], tmp_path: Path) -> None:
    export, path = tmp_path / "estate.json", tmp_path / "estate.snapshot"
    export.write_bytes(orjson.dumps(chat_document))
    stored = imported(export, redactor=Redactor())
    file.write(stored, path)

    snapshot = read(path)

    assert snapshot == stored
    assert all(row.held.content for row in snapshot.resources)
    rules, terms = in_force.load(in_force.Selection("openai-chat")), audit.Terms()
    assert audit.audit(snapshot, rules, terms) == audit.audit(stored, rules, terms)


@pytest.mark.usefixtures("everything_is_long")
@pytest.mark.parametrize(
    "text", [b'[{"id": "/subscriptions/s"}, {"id": nothing}]', b'[{"id": "/subscriptions/s"}', b'{"resources": [{}}]}']
)
def test_what_is_no_json_is_said_to_be_none(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "estate.json"
    path.write_bytes(text)

    with pytest.raises(InputError, match="is not valid JSON"):
        read(path)


_TEXTS = st.sampled_from(['},{"id":', "{", "}]", '"', "\\", "a", ",", '{"id":"a"}', "resources", "é", "\n"])
_LEAVES = st.none() | st.integers() | st.lists(_TEXTS, max_size=3).map("".join)
_BODIES = st.dictionaries(
    st.sampled_from(["id", "resources", "data", "{", '"}']) | _TEXTS,
    st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3)),
    max_size=4,
)


@given(
    st.lists(_BODIES, max_size=5),
    st.sampled_from([None, "resources", "data", "value"]),
    st.sampled_from([None, 1]),
    st.booleans(),
)
def test_raw_rows_are_the_rows_or_cannot_be_decoded(
    listed: list[dict[str, Any]],
    name: str | None,
    indent: int | None,
    begin_alike: bool,  # noqa: FBT001 - drawn
) -> None:
    document: object = listed if name is None else {"before": [{}], name: listed, "after": [{"a": [{}]}]}
    found = with_raw_rows(json.dumps(document, indent=indent, ensure_ascii=False).encode(), begin_alike=begin_alike)

    if found is not None:
        raw = found if isinstance(found, list) else found[name]  # type: ignore[index] - an object
        try:
            opened = list(map(decoded, raw))
        except orjson.JSONDecodeError:
            return  # then the whole is decoded
        assert opened == listed
        assert found == raw or {**found, name: listed} == document  # type: ignore[dict-item]


_MEASURED = """
import sys, tracemalloc
from pathlib import Path
from auditor.inputs import exports
from auditor.inputs.read import read
from auditor.snapshot import rows

exports.LONG = rows.LARGE = 0
path = Path(sys.argv[1])
read(path)  # what is remembered of types and names is there from now on
tracemalloc.start()
snapshot = read(path)
print(len(snapshot.resources), *tracemalloc.get_traced_memory())
"""


@pytest.mark.parametrize("shape", ["resources", "Resource Graph", "lines"])
def test_a_text_is_held_once_and_let_go_before_its_rows_are_resources(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "estate.json"
    path.write_bytes(SHAPES[shape]([*estate.loose(2_000)]))

    # in a process of its own, in which nothing else is remembered, forgotten or running while it is measured
    measured = subprocess.run([sys.executable, "-c", _MEASURED, path], check=True, capture_output=True, text=True)

    count, held, most = map(int, measured.stdout.split())
    size = path.stat().st_size
    assert count == 2_000
    assert held < 0.5 * size
    assert most < 1.5 * size
