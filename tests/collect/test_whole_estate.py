from __future__ import annotations

import json
from typing import Any

from auditor import resource_id as ids
from auditor.redaction.body import Redactor
from tests.collect.conftest import Collect
from tests.estates.arm import GROUP, resource
from tests.simulator.client import Simulator

_IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
_LOCK = "Microsoft.Authorization/locks"


def test_three_workloads_in_one_subscription_come_back_whole(
    simulator: Simulator, run_collect: Collect, chat_document: dict[str, Any]
) -> None:
    text = json.dumps(chat_document["resources"])
    copies = [text.replace("rg-chat", f"rg-{name}").replace("chat01", f"{name}01") for name in ("one", "two", "three")]
    resources = {ids.key(body["id"]): body for copy in copies for body in json.loads(copy)}
    simulator.serve({**chat_document, "resources": [*resources.values()]})

    summary, sink = run_collect()

    assert set(resources) <= set(sink.bodies)
    assert len(resources) > 400
    assert summary.gaps == []


def test_the_chat_estate_comes_back_whole(
    simulator: Simulator, run_collect: Collect, chat_document: dict[str, Any]
) -> None:
    simulator.serve(chat_document, page_size=3)

    summary, sink = run_collect(redaction_key=b"of this test")

    redactor = Redactor(b"of this test")
    expected = {ids.key(body["id"]): redactor.body(body) for body in chat_document["resources"]}
    own = {key: body for key, body in sink.bodies.items() if body["type"] != "Microsoft.Insights/eventtypes/management"}
    assert sorted(set(expected) - set(own)) == []
    assert sorted(set(own) - set(expected)) == []
    assert own == expected
    assert summary.gaps == []
    assert sink.finished


def test_federated_credentials_shared_links_and_locks_come_back(
    simulator: Simulator, run_collect: Collect, chat_document: dict[str, Any]
) -> None:
    search = resource("Microsoft.Search/searchServices", "srch", sku={"name": "standard"}, properties={})
    listed = [
        resource(f"{_IDENTITY}/federatedIdentityCredentials", "id-app-chat01", "fc", location=None, properties={}),
        resource(f"{search['type']}/sharedPrivateLinkResources", "srch", "blob", location=None, properties={}),
        resource(_LOCK, "keep", below=search["id"], location=None, properties={"level": "ReadOnly"}),
        resource(_LOCK, "keep", below=GROUP, location=None, properties={"level": "CanNotDelete"}),
    ]
    simulator.serve({**chat_document, "resources": [*chat_document["resources"], search, *listed]})

    summary, sink = run_collect()

    assert {ids.key(body["id"]) for body in listed} <= set(sink.bodies)
    assert summary.gaps == []
