"""Whatever answers are wrong, a scan says less and never anything else: a law over every fault of the stand-in.

A fault may turn a finding into an unknown one, or hide it where a gap tells so and the exit code is 2. It never makes a
finding that the estate does not have, and never takes for ever. A fault that passes changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from auditor.collect.options import Auth, Budgets, CollectOptions, RetryLimits
from auditor.collect.run import CollectionSummary, collect
from auditor.collect.scope import CollectScope
from auditor.errors import CollectionError
from auditor.estate.navigation import derive
from auditor.snapshot.writer import SnapshotWriter
from tests.collect.conftest import AMPLE
from tests.e2e.command import in_process
from tests.estates.chat import chat_document
from tests.simulator.client import Simulator
from tests.simulator.faults import HEADER, ITEM, LINK

AT = ("--as-of", "2024-02-20T12:00:00Z")
HASTY = RetryLimits(attempts=3, attempts_on_error=3, first_wait=0.001, longest_wait=0.01, deadline=2.0, timeout=1.0)
SMALL = Budgets(answer_seconds=1.0, answer_bytes=2 << 20, list_pages=120, list_seconds=10.0, scan_seconds=40.0)
PHASES = (Phase.explicit, Phase.generate)
LONGEST = 60.0
"""Seconds that a scan may take, whatever is wrong."""

Fault = dict[str, Any]
Verdicts = dict[str, str]

LISTS = [
    "/accounts/[^/]+/deployments",
    "/accounts/[^/]+/raiPolicies",
    "/vaults/[^/]+/(keys|secrets)",
    "/workspaces/[^/]+/(outboundRules|computes|connections)",
    "/privateEndpoints/[^/]+/privateDnsZoneGroups",
    "/diagnosticSettings",
    "/roleAssignments",
    "/roleDefinitions",
    "/locks",
    "/basicPublishingCredentialsPolicies",
    "/subscriptions/[^/]+/resources",
    "/resourcegroups",
    "/pricings",
    ".",
]
QUERIES = "^ROWS resources.*project"
OBJECTS = "^OBJECT .*(config/web|/keys/)"
STATUSES = [301, 400, 401, 403, 404, 409, 410, 418, 429, 500, 503]
WIRE = ["reset", "html", "truncate", "cut", "drip", "header-drip", "huge", "bomb"]
ROWS = [*ITEM, "lose-rows", "repeat-rows", "truncated", "token-number", "endless-tokens"]
PAGES = [*ITEM, *LINK, "endless", "empty-page", "repeat", "not-a-list", "odd-items"]
HIDDEN = [
    {index: ids}
    for index, listed in {"graph": [".", "accounts/", "virtualNetworks/"], "arm": [".", "sites/"]}.items()
    for ids in listed
] + [{"groups": "."}, {"subscriptions": "."}]
"""What one index lacks; what both the others lack would be what does not exist."""


def page_faults() -> st.SearchStrategy[Fault]:
    at = st.sampled_from(LISTS).map(lambda path: f"^PAGE .*{path} ")
    return st.fixed_dictionaries({"match": at, "do": st.sampled_from(PAGES), "all": st.booleans()})


def row_faults() -> st.SearchStrategy[Fault]:
    return st.fixed_dictionaries({"match": st.just(QUERIES), "do": st.sampled_from(ROWS), "all": st.booleans()})


def object_faults() -> st.SearchStrategy[Fault]:
    return st.fixed_dictionaries({"match": st.just(OBJECTS), "do": st.sampled_from([*ITEM])})


def called() -> st.SearchStrategy[str]:
    lists = [f"^GET .*{path}\\?" for path in LISTS[:-1]]
    return st.sampled_from([*lists, "^POST .*ResourceGraph", "^GET .*/config/", "^GET .*/(accounts|vaults)/[^/]+\\?"])


def status_faults() -> st.SearchStrategy[Fault]:
    headers = st.sampled_from([{}, *HEADER.values()])
    return st.fixed_dictionaries({"match": called(), "status": st.sampled_from(STATUSES), "headers": headers})


def wire_faults() -> st.SearchStrategy[Fault]:
    return st.fixed_dictionaries({"match": called(), "do": st.sampled_from(WIRE), "bytes": st.just(4 << 20)})


def header_faults() -> st.SearchStrategy[Fault]:
    headers = st.sampled_from([*HEADER.values()])
    return st.fixed_dictionaries({"match": called(), "do": st.just("headers"), "more_headers": headers})


FAULTS = st.one_of(page_faults(), row_faults(), object_faults(), status_faults(), wire_faults(), header_faults())
MIXTURES = st.lists(FAULTS, min_size=1, max_size=4)


class Scan:
    """Scans the chat estate under faults, and compares with what it gives without."""

    def __init__(self, simulator: Simulator, at: Path) -> None:
        self._simulator, self._at, self._number = simulator, at, 0
        self._ignored: set[str] = set()
        self._findings: dict[str, dict[str, Any]] = {}
        self.run()
        self._ignored = self._unknown  # what nothing collected can answer would make each exit code 2
        self.whole, self.code, summary = self.run()
        assert summary is not None
        assert summary.gaps == []
        assert self.code == 1
        self._true = [*self._findings.values()]
        assert len(self.whole) > 300

    def run(self, **faults: Any) -> tuple[Verdicts, int, CollectionSummary | None]:
        """Return the status of each finding, the exit code, and what the collection came to (None: it gave up)."""
        self._number += 1
        path = self._at / f"{self._number}.snapshot"
        self._simulator.serve(chat_document(), page_size=2, **faults)
        options = CollectOptions(
            Auth.MANAGED_IDENTITY,
            arm_endpoint=self._simulator.url,
            threads=8,
            quota_share=1.0,
            retry=HASTY,
            quotas=AMPLE,
            budgets=SMALL,
        )
        began = time.monotonic()
        try:
            summary = collect(CollectScope(), options, lambda metadata: SnapshotWriter(path, metadata, derive))
        except CollectionError:
            return {}, 2, None
        finally:
            assert time.monotonic() - began < LONGEST
        ignored = [text for name in sorted(self._ignored) for text in ("--ignore", name)]
        ended = in_process("evaluate", path, "-q", "-o", "json", *AT, *ignored, at=self._at)
        path.unlink()
        self._unknown = {one["rule_id"] for one in ended.findings if one["status"] == "unknown"}
        self._findings = {one["fingerprint"]: one for one in ended.findings}
        return {one["fingerprint"]: one["status"] for one in ended.findings}, ended.code, summary

    def check(self, **faults: Any) -> None:
        """Hold the law."""
        verdicts, code, summary = self.run(**faults)
        if summary is None or summary.gone:
            return  # nothing trustworthy could be read at all, with exit code 2; or both sources agree, and it is told
        changed = {name for name, status in verdicts.items() if status != self.whole.get(name)}
        invented = [self._findings[name] for name in changed if verdicts[name] != "unknown"]
        assert [one for one in invented if not self._is_told_of_parent(one)] == [], (faults, summary.gaps)
        if changed or verdicts.keys() != self.whole.keys():
            assert summary.gaps or summary.gone, faults
            assert code == 2, (faults, summary.gaps)
        assert all(gap.reason and gap.scope and gap.what for gap in summary.gaps)

    def _is_told_of_parent(self, finding: dict[str, Any]) -> bool:
        """Whether a finding says of a child what it says without faults, at the parent, whose body lists it too."""
        return any(
            (one["rule_id"], one["status"]) == (finding["rule_id"], finding["status"])
            and str(one["resource_id"]).startswith(f"{finding['resource_id']}/")
            and str(one["resource_id"]).endswith(f"/{finding['sub_object']}")
            for one in self._true
        )


@pytest.fixture(scope="module")
def scan(running: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scan]:
    identity = {"IDENTITY_ENDPOINT": f"{running.url}/msi/token", "IDENTITY_HEADER": "simulated"}
    with mock.patch.dict("os.environ", identity):
        yield Scan(running, tmp_path_factory.mktemp("trust"))


EACH = [
    *[{"match": f"^PAGE .*{LISTS[number % len(LISTS)]} ", "do": do} for number, do in enumerate(PAGES)],
    *[{"match": QUERIES, "do": do, "all": True} for do in ROWS],
    *[{"match": OBJECTS, "do": do} for do in ("null-properties", "wrong-type", "other-parent", "null")],
]


@pytest.mark.parametrize("fault", EACH, ids=[f"{one['do']} at {one['match']}" for one in EACH])
def test_each_fault_alone_only_makes_findings_unknown(scan: Scan, fault: Fault) -> None:
    scan.check(faults=[fault])


@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
def test_what_one_index_lacks_only_makes_findings_unknown(scan: Scan, hidden: dict[str, str]) -> None:
    scan.check(hidden=hidden)


@settings(max_examples=6, phases=PHASES)
@given(faults=MIXTURES, hidden=st.sampled_from([{}, *HIDDEN]))
def test_mixtures_of_faults_only_make_findings_unknown(scan: Scan, faults: list[Fault], hidden: dict[str, str]) -> None:
    if "arm" in hidden and any(fault.get("status") in {403, 404} and "POST" in fault["match"] for fault in faults):
        return  # a refused index and a list that lacks something: there is no source left that knows it
    scan.check(faults=faults, hidden=hidden)


@settings(max_examples=4, phases=PHASES)
@given(fault=FAULTS)
def test_a_fault_that_passes_changes_nothing(scan: Scan, fault: Fault) -> None:
    """A refusal is no fault: what Azure says of a request that is as it should be stands."""
    if fault.get("status") in {301, 400, 401, 403, 404, 410, 418}:
        return
    if fault.get("do") in {"huge", "bomb"} or fault.get("status") == 409:
        return
    if fault.get("do") in {"outside", "other-parent"} and fault["match"] == "^PAGE .*. ":
        return  # the first list is that of the subscriptions, and each that Azure names there is believed and read
    verdicts, code, summary = scan.run(faults=[{**fault, "times": 1}])

    assert summary is not None
    assert summary.gaps == []
    assert (verdicts, code) == (scan.whole, scan.code)
