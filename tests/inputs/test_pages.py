"""Several documents in one file are one estate, however they are strung together, and no page less goes unnoticed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.errors import InputError
from auditor.inputs.read import read
from auditor.snapshot.model import ANY_TYPE, Snapshot
from tests.conftest import ReadDocument
from tests.e2e.command import in_process
from tests.estates.accounts import account, resource

Body = dict[str, Any]
ACCOUNTS = [account(f"st{number}") for number in range(5)]
VAULT = resource("Microsoft.KeyVault/vaults", "kv1", {"publicNetworkAccess": "Disabled"})
LISTS = "https://management.azure.com/subscriptions/s/providers"
REST_OF_ACCOUNTS = f"{LISTS}/Microsoft.Storage/storageAccounts?api-version=2023-05-01&%24skiptoken=x"


def _arm(rows: Sequence[Body], *, more: bool, total: int) -> Body:
    del total
    return {"value": rows, **({"nextLink": REST_OF_ACCOUNTS} if more else {})}


def _graph(rows: Sequence[Body], *, more: bool, total: int) -> Body:
    return {"count": len(rows), "data": rows, "skip_token": "x" if more else None, "total_records": total}


def _rest(rows: Sequence[Body], *, more: bool, total: int) -> Body:
    token = {"$skipToken": "x"} if more else {}
    return {"totalRecords": total, "count": len(rows), "data": rows, "resultTruncated": "false", **token}


PRODUCERS = [_arm, _graph, _rest]
WAYS: list[Callable[[Sequence[Any]], str]] = [
    lambda documents: "\n".join(json.dumps(one, indent=2) for one in documents),
    lambda documents: "\n".join(map(json.dumps, documents)),
    lambda documents: "".join(map(json.dumps, documents)),
    lambda documents: "".join(f"\r\n\r\n{json.dumps(one, indent=4)} \t" for one in documents),
    json.dumps,
]


def _pages(cuts: Sequence[int], producer: Callable[..., Body]) -> list[Body]:
    edges = [0, *sorted(cuts), len(ACCOUNTS)]
    parts = [ACCOUNTS[start:end] for start, end in pairwise(edges)]
    total = len(ACCOUNTS)
    return [producer(rows, more=number < len(parts), total=total) for number, rows in enumerate(parts, 1)]


def _is_partial(snapshot: Snapshot) -> bool:
    return any(gap.what == ANY_TYPE for gap in snapshot.gaps)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, len(ACCOUNTS)), min_size=1, max_size=3),
    st.sampled_from(PRODUCERS),
    st.sampled_from(WAYS),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
)
def test_pages_are_the_list_that_they_are_cut_from(
    cuts: Sequence[int], producer: Callable[..., Body], way: Callable[[Sequence[Any]], str], encoding: str
) -> None:
    pages = _pages(cuts, producer)
    whole, less = _read(way(pages), encoding), pages[:-1]
    assert whole.sha256 == _read(json.dumps(ACCOUNTS)).sha256
    assert not _is_partial(whole)
    if any(page.get("value") or page.get("data") for page in less):
        assert _is_partial(_read(way(less), encoding))


def _read(text: str, encoding: str = "utf-8") -> Snapshot:
    path = _FOLDER[-1] / "pages.json"
    path.write_bytes(text.encode(encoding))
    return read(path)


_FOLDER: list[Path] = []


@pytest.fixture(autouse=True, scope="module")
def _scratch(tmp_path_factory: pytest.TempPathFactory) -> None:
    _FOLDER.append(tmp_path_factory.mktemp("pages"))


@pytest.mark.parametrize("way", WAYS)
def test_lists_and_resources_stand_side_by_side(way: Callable[[Sequence[Any]], str]) -> None:
    documents = [ACCOUNTS[:2], {"value": ACCOUNTS[2:]}, [VAULT]]
    assert _read(way(documents)).sha256 == _read(json.dumps([*ACCOUNTS, VAULT])).sha256


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "behind",
    [{"value": [VAULT]}, [VAULT], {"count": 1, "data": [VAULT], "total_records": 1}],
    ids=["arm", "list", "graph"],
)
def test_a_list_of_another_type_is_not_the_rest_of_a_page(way: Callable[[Sequence[Any]], str], behind: Any) -> None:
    assert _is_partial(_read(way([_arm(ACCOUNTS[:1], more=True, total=5), behind])))


@pytest.mark.parametrize("way", WAYS)
def test_rows_that_an_answer_counts_and_no_page_holds_are_missed(way: Callable[[Sequence[Any]], str]) -> None:
    pages = [_graph(ACCOUNTS[:2], more=True, total=5), _graph(ACCOUNTS[2:4], more=False, total=5)]
    assert _is_partial(_read(way(pages)))
    assert _is_partial(_read(way([_graph(ACCOUNTS[:2], more=False, total=5), _graph([VAULT], more=False, total=1)])))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (json.dumps(VAULT, indent=1) + "\n" + json.dumps(VAULT, indent=1)[:-9], "document 2, is not valid JSON"),
        (json.dumps([VAULT], indent=1) + "\nWARNING: a command is old\n", "messages of commands"),
        (json.dumps(VAULT) + "\n" + json.dumps(VAULT)[:-9], "line 2"),
        ("WARNING: an extension is new.\n" + json.dumps([VAULT]), "a message of a command line"),
        ("ERROR: AADSTS700082: The refresh token has expired.\nRun: az login\n", "a message of a command line"),
        (json.dumps([{"value": [VAULT]}, {"error": {"code": "Throttled"}}]), "an error answer of Azure"),
        ("Name, Type, Location\nkv1, Key vault, North Europe\n", "CSV"),
    ],
)
def test_what_is_broken_is_named_where_it_is(text: str, told: str, read_document: ReadDocument) -> None:
    with pytest.raises(InputError) as raised:
        read_document(text.encode())
    assert told in f"{raised.value.message} {raised.value.hint}"


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ([{"$schema": "https://x/deploymentTemplate.json#", "resources": []}], "ARM template"),
        ([{"type": "Microsoft.Storage/storageAccounts", "apiVersion": "2023-01-01", "name": "x"}], "ARM template"),
        (
            {"resources": [{"type": "Microsoft.Storage/storageAccounts", "apiVersion": "2023-01-01", "name": "x"}]},
            "ARM template",
        ),
        (
            {"status": "Succeeded", "properties": {"changes": [{"resourceId": VAULT["id"], "changeType": "Create"}]}},
            "what-if",
        ),
        ({"@level": "info", "@message": "Terraform 1.9", "type": "version"}, "Terraform"),
    ],
)
def test_what_will_be_deployed_is_no_estate(document: Any, told: str, read_document: ReadDocument) -> None:
    with pytest.raises(InputError) as raised:
        read_document(document)
    assert told in raised.value.message


def test_a_file_of_several_documents_is_judged(tmp_path: Path) -> None:
    source = tmp_path / "estate.json"
    source.write_text("\n".join(json.dumps([one], indent=2) for one in (ACCOUNTS[0], VAULT)), encoding="utf-8")
    options = ("--include-passed", "-o", "json", "--complete", "--select", "keyvault-public-*")
    ended = in_process("evaluate", source, *options, at=tmp_path)
    assert [finding["status"] for finding in ended.findings if finding["resource_id"] == VAULT["id"]] == ["pass"]
