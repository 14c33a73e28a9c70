"""One stand-in for Azure for all tests, and the proof over all its requests that nothing was written."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.collect.options import Auth, CollectOptions, Quotas, RetryLimits
from auditor.collect.progress import Watcher, nobody
from auditor.collect.run import CollectionSummary, collect
from auditor.collect.scope import CollectScope
from tests.collect.memory import MemorySink
from tests.simulator.client import Simulator

SHARED = Path(os.environ.get("AUDITOR_SHARED", Path(__file__).parents[3] / "shared"))
SUB = "00000000-0000-0000-0000-0000000000a1"
QUICK = RetryLimits(first_wait=0.01, longest_wait=0.05, deadline=20.0, timeout=5.0)

AMPLE = Quotas(arm_per_second=10_000.0, graph_at_once=100.0, graph_per_second=1000.0)

Collect = Callable[..., tuple[CollectionSummary, MemorySink]]


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    simulator = Simulator(tmp_path_factory.mktemp("simulator") / "requests.jsonl")
    yield simulator
    everything = simulator.requests(all_of_them=True)
    simulator.stop()
    written = [one for one in everything if one["method"] not in {"GET", "POST"}]
    posted = {one["path"].partition("?")[0].lower() for one in everything if one["method"] == "POST"}
    keys = [
        one
        for one in everything
        if re.search(r"(?i)/list\w*(keys|secrets|credentials)|/config/[^/]+/list|/register", one["path"])
    ]
    assert not written
    assert posted <= {"/providers/microsoft.resourcegraph/resources", "/v1.0/directoryobjects/getbyids"}
    assert not keys


@pytest.fixture
def simulator(running: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """Return the stand-in, with a managed identity whose endpoint it serves."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{running.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "simulated")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "AZURE_CLIENT_ID"):
        monkeypatch.delenv(name, raising=False)
    return running


@pytest.fixture
def run_collect(simulator: Simulator) -> Collect:
    def run(
        scope: CollectScope | None = None, sink: MemorySink | None = None, watch: Watcher = nobody, **options: Any
    ) -> tuple[CollectionSummary, MemorySink]:
        own = sink if sink is not None else MemorySink()
        chosen = CollectOptions(
            **{
                "auth": Auth.MANAGED_IDENTITY,
                "arm_endpoint": simulator.url,
                "threads": 8,
                "retry": QUICK,
                "quota_share": 1.0,
                "quotas": AMPLE,
                **options,
            }
        )
        return collect(scope or CollectScope(), chosen, own.open, watch), own

    return run


@pytest.fixture(scope="session")
def reference() -> dict[str, Any]:
    """Return the reference estate."""
    path = SHARED / "data" / "reference-estate" / "2024-02.json"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    loaded: dict[str, Any] = json.loads(path.read_bytes())
    return loaded


def resource(path: str, **more: Any) -> dict[str, Any]:
    """Return a resource of the small test estates; `path` follows the subscription and the resource group."""
    parts = path.split("/")
    return {
        "id": f"/subscriptions/{SUB}/resourceGroups/rg/providers/{path}",
        "name": parts[-1],
        "type": "/".join([parts[0], *parts[1::2]]),
        "location": "eastus2",
        "properties": {},
        **more,
    }


def estate(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an estate of one subscription."""
    return {"subscriptions": [{"subscriptionId": SUB, "displayName": "sub-test"}], "resources": list(resources), **more}
