"""What all tests share: laws on the same inputs in each run, estates as documents, and one stand-in for Azure.

Over all requests to the stand-in it is proved at the end that nothing was written.
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from auditor.inputs.read import read
from auditor.snapshot.model import Snapshot
from tests.conformance.material import SHARED
from tests.estates.chat import chat_document as own_document
from tests.simulator.client import Simulator

_FROZEN = gc.get_freeze_count()
"""Python 3.12 freezes some objects that it never frees, and again at each full collection where they were thawed."""

ReadDocument = Callable[[Any], Snapshot]

settings.register_profile(
    "auditor",
    derandomize=True,
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("auditor")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line what was not run for want of its material."""
    if not SHARED.is_dir():
        terminalreporter.write_line(f"tests/conformance was not run: its material is not at {SHARED} (AUDITOR_SHARED)")


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    """Hold that each test leaves Python's collector on and nothing hidden from it, so that the one that does not is told."""
    frozen = max(_FROZEN, gc.get_freeze_count())
    yield
    is_on, is_thawed = gc.isenabled(), gc.get_freeze_count() <= frozen
    gc.enable()
    assert is_on, "the test leaves the collector off"
    assert is_thawed, "the test leaves objects frozen"


@pytest.fixture(scope="session")
def chat_document() -> dict[str, Any]:
    return own_document()


@pytest.fixture(scope="session")
def read_document(tmp_path_factory: pytest.TempPathFactory) -> ReadDocument:
    path = tmp_path_factory.mktemp("documents") / "estate.json"

    def read_one(document: Any) -> Snapshot:
        path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
        return read(path)

    return read_one


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
