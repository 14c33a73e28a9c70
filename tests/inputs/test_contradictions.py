"""What an export states twice and differently is not known; what it states twice alike it states."""

from __future__ import annotations

import copy
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.model import Report
from auditor.snapshot.json_text import with_all_members
from tests.audit.judging import judged
from tests.e2e.command import GROUP, in_process
from tests.estates.chat import chat_bodies

Body = dict[str, Any]
_ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st"
_VAULT = "Microsoft.KeyVault/vaults"
_NAMED_BY_USERS = {"tags", "environmentvariables", "userassignedidentities"}
_OTHER = {"Disabled": "Enabled", "Enabled": "Disabled", "Deny": "Allow", True: False, False: True}


def _account(**properties: Any) -> Body:
    sound = {"supportsHttpsTrafficOnly": True, "minimumTlsVersion": "TLS1_2", "publicNetworkAccess": "Disabled"}
    kind = "Microsoft.Storage/storageAccounts"
    more = {"kind": "StorageV2", "location": "westeurope", "sku": {"name": "Standard_LRS"}}
    return {"id": _ACCOUNT, "name": "st", "type": kind, **more, "properties": {**sound, **properties}}


def _verdicts(folder: Path, bodies: list[Body], *rules: str) -> dict[str, str]:
    (folder / "in.json").write_text(json.dumps(bodies))
    chosen = [word for rule in rules for word in ("--select", rule)]
    ended = in_process("evaluate", "in.json", "--complete", "--include-passed", *chosen, "-o", "json", at=folder)
    return {one["rule_id"]: one["status"] for one in ended.findings}


@pytest.mark.parametrize(
    ("twin", "right"), [("Disabled", "pass"), ("Enabled", "unknown"), (None, "unknown"), (["Disabled"], "unknown")]
)
def test_a_property_in_two_spellings_is_known_where_both_say_the_same(twin: object, right: str, tmp_path: Path) -> None:
    rules = ("storage-public-network-access-off", "storage-https-only")
    for name in ("PublicNetworkAccess", "publicnetworkaccess"):
        found = _verdicts(tmp_path, [_account(**{name: twin})], *rules)
        assert found == {rules[0]: right, rules[1]: "pass"}


@pytest.mark.parametrize(("twin", "right"), [("Disabled", "pass"), ("Enabled", "unknown")])
@pytest.mark.parametrize("form", ["[{}]", "{}", "{}\n{}", '{{"value": [{}]}}'])
def test_a_property_that_is_there_twice_is_known_where_both_say_the_same(
    twin: str, right: str, form: str, tmp_path: Path
) -> None:
    stated = '"publicNetworkAccess": "Disabled"'
    one = json.dumps(_account()).replace(stated, f'"publicNetworkAccess": "{twin}", {stated}')
    assert one.count("publicNetworkAccess") == 2
    (tmp_path / "in.json").write_text(form.format(one, json.dumps({**_account(), "id": f"{_ACCOUNT}2", "name": "st2"})))
    words = ["in.json", "--complete", "--include-passed", "-o", "json", "--select"]
    ended = in_process("evaluate", *words, "storage-public-network-access-off", at=tmp_path)

    assert {one["status"] for one in ended.findings if (one["resource_id"] or "").endswith("/st")} == {right}


@pytest.mark.parametrize("text", [r"\"\u003a", r"\u0022:", r"\u0022\u003A", "a: b"])
def test_nothing_hides_what_is_there_twice(text: str, tmp_path: Path) -> None:
    stated = '"publicNetworkAccess": "Disabled"'
    one = json.dumps(_account(note="HERE")).replace(stated, f'"publicNetworkAccess": "Enabled", {stated}')
    (tmp_path / "in.json").write_text(f"[{one}]".replace("HERE", text))
    rule = "storage-public-network-access-off"
    ended = in_process("evaluate", "in.json", "--complete", "--select", rule, "-o", "json", at=tmp_path)

    assert {one["status"] for one in ended.findings} == {"unknown"}


@pytest.mark.parametrize("colon", [":", " : ", " :", "\t:", "\n  :\n"])
@pytest.mark.parametrize("of_all", [True, False])
def test_blanks_before_colons_hide_nothing_that_is_there_twice(colon: str, tmp_path: Path, *, of_all: bool) -> None:
    separators = (",", colon if of_all else ":")
    name = '"publicNetworkAccess"'
    one = json.dumps(_account(), separators=separators).replace(name, f'{name}{colon}"Enabled",{name}')
    (tmp_path / "in.json").write_text(f"[{one}]")
    words = ["in.json", "--complete", "-o", "json", "--select", "storage-public-network-access-off"]
    [found] = in_process("evaluate", *words, at=tmp_path).findings

    assert found["status"] == "unknown"


_TEXTS = st.sampled_from(["", "a", ":", 'x":', '" : ', "\\u003a", "é:"])
_VALUES = st.recursive(
    st.one_of(_TEXTS, st.integers(0, 9), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner, max_size=3)),
    max_leaves=8,
)


@given(value=_VALUES, colon=st.sampled_from([":", " :", "\n\t: "]), is_ascii=st.booleans(), twice=st.booleans())
def test_a_text_is_looked_into_where_it_holds_more_members_than_its_value(
    value: object, colon: str, *, is_ascii: bool, twice: bool
) -> None:
    written = json.dumps(value, separators=(", ", colon), ensure_ascii=is_ascii)
    text = f'{{"k"{colon}{written},"k" {colon}{written}}}' if twice else f'{{"k"{colon}{written}}}'
    decoded = {"k": value}
    assert with_all_members(decoded, text.encode()) == (decoded | {"K": value} if twice else decoded)


def test_what_users_name_may_differ_by_case_alone(tmp_path: Path) -> None:
    tagged = {**_account(), "tags": {"Owner": "a", "owner": "b"}}

    assert _verdicts(tmp_path, [tagged], "storage-https-only") == {"storage-https-only": "pass"}


def test_a_list_that_states_something_twice_says_nothing(tmp_path: Path) -> None:
    rules = [{"value": "1.2.3.4", "Value": "0.0.0.0/0"}]
    twice = _account(publicNetworkAccess="Enabled", networkAcls={"defaultAction": "Deny", "ipRules": rules})

    told = _verdicts(tmp_path, [twice], "storage-firewall-default-deny")
    assert told == {"storage-firewall-default-deny": "unknown"}


_TIME = "2024-01-01T10:00:00"


@pytest.mark.parametrize(
    ("views", "right"),
    [
        pytest.param([{"location": "West Europe"}, {"location": "westeurope"}], "pass", id="a region in two spellings"),
        pytest.param([{"location": "North Europe"}, {"location": "westeurope"}], None, id="two regions"),
        pytest.param([{"creationTime": f"{_TIME}.1234567Z"}, {"creationTime": f"{_TIME}.123456+00:00"}], "pass",
                     id="a time as Azure and as the command line write it"),
        pytest.param([{"creationTime": f"{_TIME}Z"}, {"creationTime": f"{_TIME}+02:00"}], None, id="two times"),
        pytest.param([{"supportsHttpsTrafficOnly": None}, {}], "pass", id="null states nothing"),
        pytest.param([{}, {"supportsHttpsTrafficOnly": None}, {"supportsHttpsTrafficOnly": False}], None, id="nor twice"),
        pytest.param([{}, {"dnsEndpointType": "Standard"}, {"dnsEndpointType": "AzureDnsZone"}], None,
                     id="what the first view lacks"),
    ],
)  # fmt: skip
def test_views_of_one_resource_complete_each_other_or_contradict(
    views: list[Body], right: str | None, tmp_path: Path
) -> None:
    bodies = []
    for view in views:
        location = view.get("location", "westeurope")
        stated = {name: value for name, value in view.items() if name != "location"}
        bodies.append({**_account(**stated), "location": location})
    for listed in (bodies, bodies[::-1]):
        if right is None:
            (tmp_path / "in.json").write_text(json.dumps(listed))
            ended = in_process("evaluate", "in.json", "--complete", at=tmp_path)
            assert (ended.code, "same id with different contents" in ended.err) == (2, True)
        else:
            assert _verdicts(tmp_path, listed, "storage-https-only") == {"storage-https-only": right}


@pytest.mark.parametrize("stated", [_VAULT, "Microsoft.Storage/storageAccounts/blobServices"])
def test_an_id_of_one_type_with_another_one_stated_passes_as_neither(stated: str, tmp_path: Path) -> None:
    rules = ("storage-https-only", "storage-minimum-tls", "storage-public-network-access-off")
    found = _verdicts(tmp_path, [{**_account(), "type": stated}], *rules, "keyvault-*")

    assert [found[rule] for rule in rules] == ["unknown"] * 3
    assert "pass" not in found.values()


@pytest.mark.parametrize(
    "stated", [None, "", "microsoft.storage/STORAGEACCOUNTS", "storageAccounts", "Microsoft.X/ys/providers/zs"]
)
def test_what_is_no_other_type_is_no_contradiction(stated: str | None, tmp_path: Path) -> None:
    assert _verdicts(tmp_path, [{**_account(), "type": stated}], "storage-https-only") == {"storage-https-only": "pass"}


_SITE = f"{GROUP}/providers/Microsoft.Web/sites/app"


@pytest.mark.parametrize("stated", ["Microsoft.Web/sites/authsettingsv2", "Microsoft.Web/sites/config"])
def test_authentication_of_an_app_is_judged_by_whichever_type_azure_calls_it(stated: str, tmp_path: Path) -> None:
    site = {"id": _SITE, "name": "app", "type": "Microsoft.Web/serverfarms/sites", "kind": "app", "properties": {}}
    registration = {
        "clientId": "c",
        "openIdIssuer": "https://sts.windows.net/11111111-1111-1111-1111-111111111111/v2.0",
    }
    sound = {
        "platform": {"enabled": True},
        "globalValidation": {"requireAuthentication": True, "unauthenticatedClientAction": "RedirectToLoginPage"},
        "identityProviders": {"azureActiveDirectory": {"enabled": True, "registration": registration}},
    }
    name = "authsettingsV2"
    config = {"id": f"{_SITE}/config/{name}", "name": name, "type": stated, "properties": sound}

    assert _verdicts(tmp_path, [site, config], "app-users-signed-in") == {"app-users-signed-in": "pass"}


def _places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name.lower() not in _NAMED_BY_USERS:
                yield (*path, name), inner
                yield from _places(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _places(inner, (*path, number))


@cache
def _all_places() -> list[tuple[int, tuple[str | int, ...], Any]]:
    bodies = list(chat_bodies())
    listed = [(number, *place) for number, body in enumerate(bodies) for place in _places(body)]
    return [(number, path, value) for number, path, value in listed if path[-1] not in {"id", "name", "type"}]


def _told(report: Report) -> Mapping[tuple[str, str, str | None], set[str]]:
    found: dict[tuple[str, str, str | None], set[str]] = defaultdict(set)
    for one in report.findings:
        found[one.rule_id, (one.resource_id or "").lower(), one.sub_object].add(one.status.value)
    return found


@cache
def _as_it_is() -> Mapping[tuple[str, str, str | None], set[str]]:
    return _told(judged({"resources": chat_bodies()}))


@settings(max_examples=5, deadline=None)
@given(st.data())
def test_no_pass_rests_on_what_is_stated_twice(data: st.DataObject) -> None:
    """Whatever passes, passes with either of the two."""
    number, path, value = data.draw(st.sampled_from(_all_places()))
    other = _OTHER.get(value, "other") if isinstance(value, str | bool) else None
    bodies = {}
    for spelled in (str(path[-1]), str(path[-1]).upper()):
        body = copy.deepcopy(list(chat_bodies())[number])
        at = body
        for step in path[:-1]:
            at = at[step]
        at[spelled] = other
        bodies[spelled] = [*chat_bodies()[:number], body, *chat_bodies()[number + 1 :]]
    changed, twice = (_told(judged({"resources": each})) for each in bodies.values())

    for key, told in twice.items():
        if "pass" in told:
            assert {"pass"} == (_as_it_is().get(key, {"pass"}) | changed.get(key, {"pass"})), (path, key)
