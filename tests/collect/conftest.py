"""Collect from the stand-in for Azure, and small estates for it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from auditor.collect.options import Auth, CollectOptions, Quotas, RetryLimits
from auditor.collect.progress import Watcher, nobody
from auditor.collect.run import CollectionSummary, collect
from auditor.collect.scope import CollectScope
from tests.collect.memory import MemorySink
from tests.simulator.client import Simulator

SUB = "00000000-0000-0000-0000-0000000000a1"
QUICK = RetryLimits(first_wait=0.01, longest_wait=0.05, deadline=20.0, timeout=5.0)

AMPLE = Quotas(arm_per_second=10_000.0, graph_at_once=100.0, graph_per_second=1000.0)

Collect = Callable[..., tuple[CollectionSummary, MemorySink]]


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


@pytest.fixture
def silent_server() -> Iterator[tuple[str, list[bytes]]]:
    """Run a server that answers nothing, and what it heard."""
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def listen() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            heard.append(connection.recv(65536))
            connection.close()

    threading.Thread(target=listen, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
    listener.close()
