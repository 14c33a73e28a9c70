"""What is seen at a glance is what is there: nothing is found otherwise where everything is looked for everywhere."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.inputs import exports, glance, twins
from auditor.inputs.glance import Glance
from auditor.inputs.read import read
from auditor.redaction.body import Redactor
from auditor.redaction.harmless import is_harmless
from auditor.snapshot.model import Snapshot
from tests.redaction.brute_force import PlainRedactor
from tests.redaction.planted import PLACES, secrets
from tests.redaction.test_brute_force import BODIES

Body = dict[str, Any]
_ANYTHING = Glance(has_twins=True, is_cut_off=True, is_deep=True, is_harmless=False)
_GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g"
_ORDINARY_NAMES = ["id", "name", "Name", "tags", "etag", "subnets", "properties", "list", "resources"]
_ODD_NAMES = """ID NAME env value Value key secrets createdBy password credentials Properties apiProperties VALUE
    customKey environmentVariables""".split()  # noqa: SIM905 - words
_VNET = f"{_GROUP}/providers/Microsoft.Network/virtualNetworks/v"
_ORDINARY_TEXTS = [
    "",
    "a",
    "run",
    "Standard_ZRS",
    _VNET,
    "https://st.blob.core.windows.net/",
    "10.0.0.0/24",
    "x " * 300,
]
_ODD_TEXTS = ["-key", "--password", "@{a=1}", "System.Object[]", "a\n@{b}", "abcdef\nabcdef", "dana@contoso.com"]
_ODD_TEXTS += [secret.text for secret in secrets(4)]
_TYPES = ("Microsoft.Web/sites/config", "Microsoft.Network/virtualNetworks", "Microsoft.KeyVault/vaults")


def _mostly(draw: st.DrawFn, ordinary: list[str], odd: list[str]) -> st.SearchStrategy[str]:
    return st.sampled_from([*ordinary, draw(st.sampled_from(odd))] if draw(st.booleans()) else ordinary)


@st.composite
def rows(draw: st.DrawFn) -> Body:
    """Draw a row of an export in which next to nothing is odd: a name, a text, how deeply it is nested."""
    names, texts = _mostly(draw, _ORDINARY_NAMES, _ODD_NAMES), _mostly(draw, _ORDINARY_TEXTS, _ODD_TEXTS)
    values = st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
        max_leaves=12,
    )
    name, kind = draw(st.sampled_from(["a", "appsettings", "clientSecret", "a?sig="])), draw(st.sampled_from(_TYPES))
    path = f"/sites/s/config/{name}" if kind.endswith("config") else f"/{kind.partition('/')[2]}/{name}"
    row: Body = {"id": f"{_GROUP}/providers/{kind.partition('/')[0]}{path}", "type": kind}
    row["properties"] = draw(st.dictionaries(names, values, max_size=4))
    if draw(st.booleans()):
        row["properties"]["subnets"] = [{"name": draw(texts), "properties": draw(values)} for _ in range(2)]
    if draw(st.integers(0, 9)) == 0:
        row["properties"]["deep"] = orjson.loads(b'{"a":' * 230 + b'"x"' + b"}" * 230)
    return row | draw(
        st.dictionaries(st.sampled_from(["tags", "identity", "Tags", "kind", "etag"]), values, max_size=2)
    )


def _parts(value: object, depth: int = 1) -> Iterator[tuple[object, int]]:
    yield value, depth
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _parts(each, depth + 1)


@given(rows())
@settings(max_examples=200)
def test_what_is_not_seen_is_not_there(row: Body) -> None:
    seen = glance.glance(row)
    parts = list(_parts(row))
    texts = [part for part, _ in parts if isinstance(part, str)]
    names = [[name.lower() for name in part] for part, _ in parts if isinstance(part, dict)]

    assert seen.has_twins == any(len(set(each)) < len(each) for each in names)
    assert seen.is_cut_off == any(text.startswith(("@{", "System.")) for text in texts)
    assert seen.is_deep or max(depth for part, depth in parts if isinstance(part, dict | list)) <= 200
    assert glance.glance(row) == seen, "what is remembered changes nothing"


@given(rows() | BODIES, st.sampled_from([None, b"k"]))
@settings(max_examples=200)
def test_in_what_is_harmless_no_secret_is_found_wherever_its_parts_stand(row: Body, key: bytes | None) -> None:
    if not glance.glance(row).is_harmless:
        return
    kind = "Microsoft.KeyVault/vaults"
    groups = (part for part, depth in _parts(row) if isinstance(part, dict | list) and depth < 50)
    for part in itertools.islice(groups, 8):
        body = {"type": kind, "name": "kv", "properties": {"a": part, "b": [part], "c": {"d": [[part]]}}}
        for each in (body, {**part, "type": kind} if isinstance(part, dict) else body):
            assert PlainRedactor(key, people=False).body(each) == each


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_is_seen_in_every_place(place: str) -> None:
    redactor = Redactor()
    for secret in itertools.islice(secrets(7), 40):
        body = PLACES[place](1, secret.text)
        assert redactor.body(body) is body or not glance.glance(body).is_harmless


def test_a_secret_that_is_put_together_of_what_is_none_is_taken_out(read_document: Callable[[Any], Snapshot]) -> None:
    network = _row(f"{_NETWORK}?sig=", properties={"subnets": [{"name": _HIDDEN, "properties": {}}]})

    bodies = {row.type_key: row.body for row in read_document([network]).resources}

    (listed,) = bodies["microsoft.network/virtualnetworks"]["properties"]["subnets"]
    assert listed["id"].endswith("?sig=redacted")


def _all_looked_for(monkeypatch: pytest.MonkeyPatch, work: Callable[[], Snapshot]) -> Snapshot:
    with monkeypatch.context() as patched:
        patched.setattr(exports, "glance", lambda _: _ANYTHING)
        return work()


_HIDDEN = "a1b2c3d4e5f6g7h8"
"""What holds no secret by itself."""
_KEYS = {"name": "apiKey", "value": _HIDDEN}


def _row(path: str = "Microsoft.KeyVault/vaults/kv", **members: Any) -> Body:
    kind, name = path.rpartition("/")[::2]
    kind = "Microsoft.Network/virtualNetworks/subnets" if "/subnets/" in path else kind
    return {"id": f"{_GROUP}/providers/{path}", "type": kind, "name": name, "properties": {}, **members}


_NETWORK = "Microsoft.Network/virtualNetworks/v"
CONTEXTS: dict[str, list[Body]] = {
    "a name beside it": [_row(properties={"list": [_KEYS]})],
    "its own name": [_row(properties={"customKey": _HIDDEN})],
    "an option before it": [_row(properties={"list": ["run", "--password", _HIDDEN]})],
    "a short option before it": [_row(properties={"list": ["run", "-key", _HIDDEN]})],
    "an object around it": [_row(properties={"credentials": {"user": _HIDDEN}})],
    "a list around it": [_row(properties={"env": [{"VALUE": _HIDDEN}]})],
    "properties of an API": [_row(properties={"apiProperties": {"publicKey": _HIDDEN}})],
    "the type and name of the resource": [
        {
            "id": f"{_GROUP}/providers/Microsoft.Web/sites/s/config/appsettings",
            "type": "Microsoft.Web/sites/config",
            "properties": {"A": _HIDDEN},
        }
    ],
    "another row of the resource": [_row(_NETWORK, tags={"a": "b"}), _row(_NETWORK, properties={"list": [_KEYS]})],
    "a child in a row of its own": [
        _row(_NETWORK),
        _row(f"{_NETWORK}/subnets/s", properties={"list": [_KEYS]}),
    ],
    "what PowerShell spells otherwise": [
        {"ResourceId": f"{_GROUP}/providers/{_NETWORK}", "Properties": {}, "Sku": {"Name": "apiKey", "DefaultValue": _HIDDEN}}
    ],
}  # fmt: skip


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("long", [0, 1 << 40])
def test_what_is_a_secret_by_what_is_around_it_is_taken_out(
    context: str, long: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "estate.json").write_bytes(orjson.dumps(CONTEXTS[context]))
    monkeypatch.setattr(exports, "LONG", long)

    found = read(tmp_path / "estate.json").resources

    assert is_harmless(_HIDDEN)
    for row in found:  # a resource's own id and name stay
        shown = {name: value for name, value in row.body.items() if name not in {"id", "name"}}
        assert _HIDDEN not in orjson.dumps(shown).decode()


@given(st.lists(rows(), min_size=1, max_size=4), st.sampled_from([0, 1 << 40]), st.sampled_from([None, b"k"]))
@settings(max_examples=60)
def test_an_estate_is_the_same_where_everything_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: list[Body], long: int, key: bytes | None
) -> None:
    path = tmp_path / "estate.json"
    path.write_bytes(orjson.dumps([{**row, "id": f"{row['id']}{number}"} for number, row in enumerate(listed)]))
    monkeypatch.setattr(exports, "LONG", long)

    quick = read(path, redactor=Redactor(key))
    slow = _all_looked_for(monkeypatch, lambda: read(path, redactor=Redactor(key)))

    assert quick == slow
    assert [row.body for row in quick.resources] == [row.body for row in slow.resources]


@pytest.mark.parametrize(("twin", "places"), [(1, []), (2, ["x[]"])])
def test_twins_in_lists_in_lists_are_looked_for_once(twin: int, places: list[str]) -> None:
    body: Body = {"a": 1, "A": twin}
    for _ in range(60):
        body = {"x": [body]}

    assert twins.each_once(body)[1] == places
